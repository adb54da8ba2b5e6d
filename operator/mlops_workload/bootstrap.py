"""Uncertainty of the difference between two models on the same rows.

The paired bootstrap with percentile intervals of B. Efron and R. J. Tibshirani, An
Introduction to the Bootstrap, Chapman & Hall 1993, chapter 13 (percentile intervals), with
the pair of both models' answers to a row as the unit that is drawn. With rows i = 1..n, a
statistic m, labels y, candidate's answers c and baseline's answers b:

    for k = 1..B: draw i*_1 .. i*_n from 1..n with replacement
                  d_k = m(y[i*], c[i*]) - m(y[i*], b[i*])
    interval = [q((1 - confidence) / 2), q((1 + confidence) / 2)] of d_1 .. d_B

Both models are asked about the same drawn rows, so the rows' own difficulty cancels out:
the interval is narrower than that of two independent samples, and rightly so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.int64]], float]
"""One model's metric on the rows with these indices, repetitions included."""


class Interval(NamedTuple):
    """A two-sided interval, in the unit of the statistic."""

    lower: float
    upper: float


def paired_differences(
    candidate: Statistic, baseline: Statistic, *, rows: int, samples: int, seed: int
) -> NDArray[np.float64]:
    """The difference, candidate minus baseline, in each of `samples` resamples of `rows` rows."""
    generator = np.random.default_rng(seed)
    differences = np.empty(samples, dtype=np.float64)
    for sample in range(samples):
        drawn = generator.integers(0, rows, rows)
        differences[sample] = candidate(drawn) - baseline(drawn)
    return differences


def percentile_interval(values: NDArray[np.float64], *, confidence: float) -> Interval:
    """The middle `confidence` (between 0 and 1) of `values`, interpolated linearly between order statistics."""
    tail = (1.0 - confidence) / 2.0
    lower, upper = np.quantile(values, [tail, 1.0 - tail])
    return Interval(float(lower), float(upper))
