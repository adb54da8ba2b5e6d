# SPDX-License-Identifier: Apache-2.0
"""The names of the metrics and what each is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.metrics import counted
from mlops_workload.metrics.counted import OfCounts, RowEffects


class Direction(StrEnum):
    """Which way a metric is better."""

    MAXIMIZE = "Maximize"
    MINIMIZE = "Minimize"


class Metric(NamedTuple):
    """A metric of a classifier.

    Attributes:
        name: its name in specs and results.
        direction: which way it is better.
        of_probabilities: whether it needs class probabilities instead of labels.
        proportion: whether it is a share of rows, for which there is an exact theory.
        macro: whether it averages over classes, so that the rarest class decides how certain it is.
        of_predicted: whether it averages over the classes that are only predicted, too.
        of_counts: the metric of labels and many resamples at once; None for a mean over rows of something else.
        row_effects: for each true class, the most that one row more or less can change the metric.
    """

    name: str
    direction: Direction = Direction.MAXIMIZE
    of_probabilities: bool = False
    proportion: bool = False
    macro: bool = False
    of_predicted: bool = False
    of_counts: OfCounts | None = None
    row_effects: RowEffects | None = None


METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", proportion=True, of_counts=counted.accuracy),
        Metric(
            "balanced_accuracy",
            macro=True,
            of_counts=counted.balanced_accuracy,
            row_effects=counted.balanced_accuracy_effects,
        ),
        Metric(
            "f1_macro",
            macro=True,
            of_predicted=True,
            of_counts=counted.f1_macro,
            row_effects=counted.f1_macro_effects,
        ),
        Metric("log_loss", direction=Direction.MINIMIZE, of_probabilities=True),
    )
}


def metric_named(name: str) -> Metric:
    """The metric called `name`.

    Raises:
        ConfigurationInvalidError: there is none; the known ones are named.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise ConfigurationInvalidError(f"expected a metric of {sorted(METRICS)}, found {name!r}") from None
