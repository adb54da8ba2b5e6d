# SPDX-License-Identifier: Apache-2.0
"""Generates rights from the controllers' declarations: `python -m mlops_operator.codegen.rbac [--check]`."""
