# SPDX-License-Identifier: Apache-2.0
"""Faults between the operator and a real API server: plans, what records them, what judges them.

`python -m tests.faults` runs every plan and writes a report; `make faults` calls it.
"""
