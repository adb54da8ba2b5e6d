"""Evaluation: one Job measures, pure policies judge, the verdict is final."""
