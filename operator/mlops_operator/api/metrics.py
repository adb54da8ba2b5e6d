# SPDX-License-Identifier: Apache-2.0
"""The metrics that rules can name, and the properties of each.

The functions are in `mlops_workload.metrics`, which a test compares with this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Direction(StrEnum):
    """Direction in which a metric is better."""

    MAXIMIZE = "Maximize"
    """`Maximize` is set when a higher value is better."""
    MINIMIZE = "Minimize"
    """`Minimize` is set when a lower value is better."""


class MetricName(StrEnum):
    """A metric of classifiers."""

    ACCURACY = "accuracy"
    """Share of rows that are predicted correctly."""
    BALANCED_ACCURACY = "balanced_accuracy"
    """Mean over the classes of the share of their rows that are predicted correctly."""
    F1_MACRO = "f1_macro"
    """Mean over the classes of the harmonic mean of precision and recall."""
    LOG_LOSS = "log_loss"
    """Mean negative logarithm of the probability given to the true class; lower is better."""


class MetricFacts(NamedTuple):
    """Properties of a metric.

    Attributes:
        direction: direction in which it is better.
        proportion: whether it is a share of rows.
        macro: whether it averages over classes, so that the rarest class limits its certainty.
        of_probabilities: whether it needs class probabilities, which a prediction log does not hold.
    """

    direction: Direction = Direction.MAXIMIZE
    proportion: bool = False
    macro: bool = False
    of_probabilities: bool = False


METRICS: Final[Mapping[MetricName, MetricFacts]] = {
    MetricName.ACCURACY: MetricFacts(proportion=True),
    MetricName.BALANCED_ACCURACY: MetricFacts(macro=True),
    MetricName.F1_MACRO: MetricFacts(macro=True),
    MetricName.LOG_LOSS: MetricFacts(Direction.MINIMIZE, of_probabilities=True),
}
