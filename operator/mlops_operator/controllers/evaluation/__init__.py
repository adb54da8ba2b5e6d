# SPDX-License-Identifier: Apache-2.0
"""Evaluation: one Job measures, pure policies judge, the verdict is final."""
