# SPDX-License-Identifier: Apache-2.0
"""Generates the CustomResourceDefinitions from the kinds' models: `python -m mlops_operator.codegen.crd [--check]`."""
