"""One metric on one slice for a candidate and a baseline: both values, the difference and its interval."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_workload.bootstrap import paired_differences, percentile_interval
from mlops_workload.errors import MetricInvalidError
from mlops_workload.evaluate_configuration import Bootstrap, MetricRequest
from mlops_workload.metrics import metric_named
from mlops_workload.rows import Rows


class Predictions(NamedTuple):
    """What one model says of all rows.

    `probabilities` has one column per class of the model; `columns` is the column of each row's
    true label, -1 where the model does not know that label. Both are None if it has none.
    """

    labels: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    columns: NDArray[np.int64] | None = None


class Comparison(NamedTuple):
    """Figures of one metric on one slice; None where there is no baseline, or no row."""

    request: MetricRequest
    rows: int
    candidate: float | None = None
    baseline: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None


def compare(
    request: MetricRequest, rows: Rows, candidate: Predictions, baseline: Predictions | None, *, bootstrap: Bootstrap
) -> Comparison:
    """Compute the metric for both models on the rows of its slice.

    Raises:
        MetricInvalidError: no such metric, or it needs probabilities that a model does not give.
    """
    index = slice_index(rows, request.slice)
    if not len(index):
        return Comparison(request, 0)
    of_candidate = _statistic(request.name, rows, candidate, index)
    every = np.arange(len(index))
    value = of_candidate(every)
    if baseline is None:
        return Comparison(request, len(index), value)
    of_baseline = _statistic(request.name, rows, baseline, index)
    base = of_baseline(every)
    differences = paired_differences(
        of_candidate, of_baseline, rows=len(index), samples=bootstrap.samples, seed=bootstrap.seed
    )
    interval = percentile_interval(differences, confidence=request.confidence)
    return Comparison(request, len(index), value, base, value - base, interval.lower, interval.upper)


def slice_index(rows: Rows, name: str | None) -> NDArray[np.int64]:
    """Indices of the labeled rows in the slice `name`; of all labeled rows for None."""
    return np.flatnonzero(rows.labeled if name is None else rows.labeled & (rows.slices == name))


def _statistic(
    name: str, rows: Rows, predictions: Predictions, index: NDArray[np.int64]
) -> Callable[[NDArray[np.int64]], float]:
    metric = metric_named(name)
    true: NDArray[Any]
    said: NDArray[Any]
    if metric.of_probabilities:
        if predictions.probabilities is None or predictions.columns is None:
            raise MetricInvalidError(f"{name} needs class probabilities, and a model gives none")
        true, said = predictions.columns[index], predictions.probabilities[index]
    else:
        true, said = rows.y[index], predictions.labels[index]
    return lambda drawn: metric.function(true[drawn], said[drawn])
