# SPDX-License-Identifier: Apache-2.0
"""What the rows of one rule show: a test of the difference of two models, and one of a model's own value."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_workload.metrics import Metric
from mlops_workload.metrics.counted import Codes
from mlops_workload.paired import Cells
from mlops_workload.proportions import PairedProportions, Proportion
from mlops_workload.resampling import resamples
from mlops_workload.studentized import Studentized

Floats = NDArray[np.float64]


class Test(Protocol):
    """A test of a true value against margins."""

    def p_above(self, margin: float) -> float:
        """One-sided p-value of "the true value is at most `margin`"."""

    def p_below(self, margin: float) -> float:
        """One-sided p-value of "the true value is at least `margin`"."""


class DifferenceTest(Test, Protocol):
    """A test of a difference, with its interval."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval at this confidence."""


class Tests(NamedTuple):
    """Figures of one rule; differences are candidate minus baseline.

    Attributes:
        candidate: the candidate's value.
        baseline: the baseline's, None without one.
        difference: test of candidate minus baseline, None without a baseline.
        own: test of the candidate's own value.
        discordant: rows on which exactly one of both is right (for losses: on which they differ).
    """

    candidate: float
    baseline: float | None
    difference: DifferenceTest | None
    own: Test
    discordant: int


def of_labels(metric: Metric, found: Cells, groups: Codes | None, *, paired: bool, seed: int) -> Tests:
    """Tests of a metric of labels.

    Args:
        metric: it has `of_counts`.
        found: the rows, one at least.
        groups: group of each row, None where rows are independent.
        paired: whether the cells hold a baseline.
        seed: of the resampling.
    """
    assert metric.of_counts is not None
    rows = found.rows[None, :].astype(np.float64)
    candidate = float(metric.of_counts(rows, found.of_candidate)[0])
    baseline = float(metric.of_counts(rows, found.of_baseline)[0]) if paired else None
    right, base_right = found.candidate == found.truth, found.baseline == found.truth
    own, difference = (
        _of_proportion(found, groups) if metric.proportion else _of_resamples(metric, found, groups, seed=seed)
    )
    return Tests(
        candidate=candidate,
        baseline=baseline,
        difference=difference if paired else None,
        own=own,
        discordant=int(found.rows[right != base_right].sum()) if paired else 0,
    )


def of_losses(candidate: Floats, baseline: Floats | None, groups: Codes | None) -> Tests:
    """Tests of a mean of row losses, shape (rows,) each."""
    if baseline is None:
        return Tests(float(candidate.mean()), None, None, mean_test(candidate, groups, unit=0.0), 0)
    differences = candidate - baseline
    # Rows with equal losses show that differing rows are rare, and do not bound the size of a difference.
    ties = bool((differences == 0.0).any())
    unit = float(max(candidate.max(), baseline.max())) if ties else 0.0
    return Tests(
        candidate=float(candidate.mean()),
        baseline=float(baseline.mean()),
        difference=mean_test(differences, groups, unit=unit),
        own=mean_test(candidate, groups, unit=0.0),
        discordant=int(np.count_nonzero(differences)),
    )


def mean_test(values: Floats, groups: Codes | None, *, unit: float) -> Studentized:
    """Test of the mean of `values`; its standard error is what resampling rows, or groups, tends to.

    Args:
        values: one per row.
        groups: group of each row, None where rows are independent.
        unit: what an unseen row may at least change in the sum; the largest value seen where that is more.
    """
    n = len(values)
    mean = float(values.mean())
    sums = values if groups is None else np.bincount(groups, weights=values)
    sizes = np.ones(n) if groups is None else np.bincount(groups)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    units = len(sums)
    residual = float(((sums - mean * sizes) ** 2).sum()) * units / max(units - 1, 1)
    largest = max(float(np.abs(sums).max()), unit * n / units)
    return Studentized(mean, float(np.sqrt(residual + 2.0 * largest**2) / n), units - 1)


def _of_proportion(found: Cells, groups: Codes | None) -> tuple[Test, DifferenceTest]:
    """Tests of the candidate's share of right rows, and of the difference of both shares."""
    right, base_right = found.candidate == found.truth, found.baseline == found.truth
    if groups is not None:
        own, difference = right.astype(np.float64)[found.of_row], (right.astype(np.float64) - base_right)[found.of_row]
        return mean_test(own, groups, unit=1.0), mean_test(difference, groups, unit=1.0)
    n = int(found.rows.sum())
    gains, losses = int(found.rows[right & ~base_right].sum()), int(found.rows[~right & base_right].sum())
    return Proportion(int(found.rows[right].sum()), n), PairedProportions(n, gains, losses)


def _of_resamples(metric: Metric, found: Cells, groups: Codes | None, *, seed: int) -> tuple[Test, DifferenceTest]:
    """The same for a metric whose standard error is that of its resamples."""
    assert metric.of_counts is not None
    assert metric.row_effects is not None
    rows = found.rows.astype(np.float64)
    drawn = [
        (metric.of_counts(weights, found.of_candidate), metric.of_counts(weights, found.of_baseline))
        for weights in (rows[None, :], *resamples(found, groups, seed=seed))
    ]
    candidate, baseline = (np.concatenate(values) for values in zip(*drawn, strict=True))
    effects = metric.row_effects(rows, found.of_candidate)
    units = len(found.of_row)
    if groups is not None:
        units = len(np.unique(groups))
        effects = effects * (len(found.of_row) / units)
    unseen = 2.0 * float((effects**2).sum())

    def test(values: Floats) -> Studentized:
        return Studentized(float(values[0]), float(np.sqrt(values[1:].var() + unseen)), units - 1)

    return test(candidate), test(candidate - baseline)
