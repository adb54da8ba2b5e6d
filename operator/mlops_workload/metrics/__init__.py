"""Metrics by name.

Every metric is a plain function of two arrays; `METRICS` gives each its name and what its
second argument must hold. Which direction is better, and how much is enough, is for
whoever reads the figure.
"""

from mlops_workload.metrics.registry import METRICS, Metric, metric_named

__all__ = ["METRICS", "Metric", "metric_named"]
