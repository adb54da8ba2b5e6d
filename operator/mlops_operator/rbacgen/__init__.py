"""Generates the operator's rights from the controllers' declarations: `python -m mlops_operator.rbacgen [--check]`."""
