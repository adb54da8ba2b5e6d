"""Generates the reference from the models and the metrics: `python -m mlops_operator.docgen [--check]`."""
