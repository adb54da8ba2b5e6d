"""Metrics by name.

`METRICS` gives each metric its function, its direction and what its second argument must hold. How much is
enough is for the rule that reads the figure.
"""

from mlops_workload.metrics.registry import METRICS, Direction, Metric, metric_named

__all__ = ["METRICS", "Direction", "Metric", "metric_named"]
