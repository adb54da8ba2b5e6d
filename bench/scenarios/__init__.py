# SPDX-License-Identifier: Apache-2.0
"""The scenarios: each runs once on a stage of its own and returns rows of figures."""
