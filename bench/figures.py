# SPDX-License-Identifier: Apache-2.0
"""The little statistics of the benchmark."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

Figures: TypeAlias = dict[str, float]
"""Named numbers; the name ends in the unit where there is one."""


class Spread(NamedTuple):
    """One figure over several repeats."""

    median: float
    least: float
    most: float


class Line(NamedTuple):
    """y = intercept + slope * x, and the largest distance of a measured y from it."""

    intercept: float
    slope: float
    worst: float


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank).

    Raises:
        ValueError: there are no values; a figure without a measurement is no figure.
    """
    if not values:
        raise ValueError("expected at least one measured value, found none")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: Sequence[float]) -> Spread:
    """Median, minimum and maximum."""
    return Spread(statistics.median(values), min(values), max(values))


def over_repeats(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Each figure over all runs.

    Raises:
        ValueError: the runs do not have the same figures.
    """
    if any(run.keys() != runs[0].keys() for run in runs):
        raise ValueError(f"expected the same figures in every run, found {[sorted(run) for run in runs]}")
    return {name: spread([run[name] for run in runs]) for name in runs[0]}


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """The line of least squares through at least two points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    slope, intercept = statistics.linear_regression(xs, ys)
    return Line(intercept, slope, max(abs(y - intercept - slope * x) for x, y in points))


def rounded(value: float) -> float:
    """Four significant digits, and whole numbers above a thousand: more would be noise."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return round(value, digits)
