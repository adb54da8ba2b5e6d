"""The paired bootstrap has the coverage it promises."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mlops_workload.bootstrap import Interval, paired_differences, percentile_interval

Values = NDArray[np.float64]


def interval_of(better: Values, worse: Values, *, confidence: float = 0.95, samples: int = 2000) -> Interval:
    differences = paired_differences(
        lambda drawn: float(better[drawn].mean()),
        lambda drawn: float(worse[drawn].mean()),
        rows=len(better),
        samples=samples,
        seed=7,
    )
    return percentile_interval(differences, confidence=confidence)


def test_the_interval_is_that_of_normal_theory_where_that_holds() -> None:
    # Given correctness of two models on the same 2,000 rows, with known variance of the paired difference
    generator = np.random.default_rng(3)
    better = (generator.random(2000) < 0.95).astype(float)
    worse = np.where(generator.random(2000) < 0.9, better, 0.0)
    paired = better - worse
    # Then the interval is mean +- 1.96 standard errors, to a tenth of a standard error
    error = paired.std() / np.sqrt(len(paired))
    lower, upper = interval_of(better, worse)
    assert lower == pytest.approx(paired.mean() - 1.96 * error, abs=0.1 * error)
    assert upper == pytest.approx(paired.mean() + 1.96 * error, abs=0.1 * error)


def test_the_interval_of_equal_models_is_zero_wide() -> None:
    same = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    assert interval_of(same, same) == (0.0, 0.0)


def test_more_confidence_is_wider() -> None:
    generator = np.random.default_rng(5)
    one, other = generator.random(500), generator.random(500)
    narrow, wide = interval_of(one, other, confidence=0.8), interval_of(one, other, confidence=0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_true_difference_is_covered_as_often_as_promised() -> None:
    # Given 200 experiments with a true difference of 0.05 on 300 rows
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(200):
        better = (generator.random(300) < 0.90).astype(float)
        worse = (generator.random(300) < 0.85).astype(float)
        lower, upper = interval_of(better, worse, confidence=0.9, samples=300)
        covered += lower <= 0.05 <= upper
    # Then 90 % intervals cover it in 180 +- 3 standard deviations (4.2 each) of them
    assert 167 <= covered <= 193


def test_the_same_seed_gives_the_same_interval() -> None:
    generator = np.random.default_rng(2)
    one, other = generator.random(100), generator.random(100)
    assert interval_of(one, other) == interval_of(one, other)
