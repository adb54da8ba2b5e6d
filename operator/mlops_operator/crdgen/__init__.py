"""Generates the CustomResourceDefinitions from the kinds' models: `python -m mlops_operator.crdgen [--check]`."""
