# SPDX-License-Identifier: Apache-2.0
"""Generates the reference from the models and the metrics: `python -m mlops_operator.codegen.docs [--check]`."""
