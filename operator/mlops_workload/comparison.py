# SPDX-License-Identifier: Apache-2.0
"""Each rule's figures for a candidate and a baseline on the rows of its slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_contract.requests.evaluation import MetricRequest
from mlops_workload.errors import MetricInvalidError
from mlops_workload.evidence import Tests, of_labels, of_losses
from mlops_workload.metrics import Direction, metric_named
from mlops_workload.metrics.losses import log_losses
from mlops_workload.paired import Coded, cells, code, rarest_class
from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows


class Comparison(NamedTuple):
    """Figures of one rule; None where there is no baseline, no row, or nothing was asked.

    Attributes:
        request: the rule.
        rows: labeled rows of its slice.
        rarest: rows of the rarest class, of all classes of the data; 0 where one is missing in the slice, or, for a
            mean over predicted classes, where a model predicts one that the data do not hold.
        discordant: rows on which exactly one model is right.
        candidate: the candidate's value.
        baseline: the baseline's value.
        lower: lower end of the interval of candidate minus baseline.
        upper: its upper end.
        p_more: one-sided p-value for "better than the baseline by more than `change`".
        p_less: one-sided p-value for "better by less than `change`", or worse.
        p_bound: one-sided p-value for "outside `min` or `max`"; None where the value keeps them.
    """

    request: MetricRequest
    rows: int
    rarest: int = 0
    discordant: int = 0
    candidate: float | None = None
    baseline: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_more: float | None = None
    p_less: float | None = None
    p_bound: float | None = None


def compare_all(
    requests: Sequence[MetricRequest], rows: Rows, candidate: Predictions, baseline: Predictions | None, *, seed: int
) -> list[Comparison]:
    """The figures of every rule.

    Args:
        requests: the rules.
        rows: the data; rows without a label count nowhere.
        candidate: its answers to all rows.
        baseline: those of the baseline, None without one.
        seed: of the resampling; it follows from the run and the data, never from a spec.

    Raises:
        MetricInvalidError: no such metric, or it needs probabilities that a model does not give.
    """
    coded = code(rows, candidate.labels, None if baseline is None else baseline.labels)
    return [_compare(request, rows, coded, candidate, baseline, seed=seed) for request in requests]


def slice_index(rows: Rows, name: str | None) -> NDArray[np.int64]:
    """Indices of the labeled rows in the slice `name`; of all labeled rows for None."""
    return np.flatnonzero(rows.labeled if name is None else rows.labeled & (rows.slices == name))


def _compare(
    request: MetricRequest,
    rows: Rows,
    coded: Coded,
    candidate: Predictions,
    baseline: Predictions | None,
    *,
    seed: int,
) -> Comparison:
    metric = metric_named(request.name)
    index = slice_index(rows, request.slice)
    if metric.of_probabilities:
        _require_probabilities(request.name, candidate, baseline)
    if not len(index):
        return Comparison(request, 0)
    rarest = rarest_class(coded, index, of_predicted=metric.of_predicted)
    groups = None if coded.groups is None else coded.groups[index]
    if metric.of_probabilities:
        base_losses = None if baseline is None else _losses(baseline, index)
        tests = of_losses(_losses(candidate, index), base_losses, groups)
    else:
        tests = of_labels(metric, cells(coded, index), groups, paired=baseline is not None, seed=seed)
    found = Comparison(
        request=request,
        rows=len(index),
        rarest=rarest,
        discordant=tests.discordant,
        candidate=tests.candidate,
        baseline=tests.baseline,
        p_bound=_p_bound(request, tests),
    )
    return found if tests.difference is None else _with_change(found, tests, metric.direction)


def _with_change(found: Comparison, tests: Tests, direction: Direction) -> Comparison:
    assert tests.difference is not None
    lower, upper = tests.difference.interval(found.request.confidence)
    margin = found.request.change or 0.0
    if direction is Direction.MAXIMIZE:
        more, less = tests.difference.p_above(margin), tests.difference.p_below(margin)
    else:
        more, less = tests.difference.p_below(-margin), tests.difference.p_above(-margin)
    return found._replace(lower=lower, upper=upper, p_more=more, p_less=less)


def _p_bound(request: MetricRequest, tests: Tests) -> float | None:
    if request.min is not None and tests.candidate < request.min:
        return tests.own.p_below(request.min)
    if request.max is not None and tests.candidate > request.max:
        return tests.own.p_above(request.max)
    return None


def _require_probabilities(name: str, candidate: Predictions, baseline: Predictions | None) -> None:
    for role, predictions in (("candidate", candidate), ("baseline", baseline)):
        if predictions is not None and predictions.probabilities is None:
            raise MetricInvalidError(f"{name} needs class probabilities, and the {role} gives none")


def _losses(predictions: Predictions, index: NDArray[np.int64]) -> NDArray[np.float64]:
    assert predictions.probabilities is not None
    assert predictions.columns is not None
    return log_losses(predictions.columns[index], predictions.probabilities[index])
