# SPDX-License-Identifier: Apache-2.0
"""Metrics by name.

`METRICS` gives each metric its direction, its function of counts, and what a model must give for it. How many
rows are enough is for the rule that reads the figure.
"""

from mlops_workload.metrics.registry import METRICS, Direction, Metric, metric_named

__all__ = ["METRICS", "Direction", "Metric", "metric_named"]
