# SPDX-License-Identifier: Apache-2.0
"""The beta-binomial tails, against scipy."""

import numpy as np
import pytest
from scipy import stats

from mlops_operator.controllers.modelmonitor.policies.betabinomial import BetaBinomial

CASES = [
    (n, share * rows + 0.5, (1 - share) * rows + 0.5)
    for n in (1, 500, 20_000)
    for rows in (1, 500, 5_000, 200_000)
    for share in (0.0, 0.5, 0.95, 0.9995, 1.0)
]


@pytest.mark.parametrize("probability", [0.05, 1.2e-6, 1e-9])
@pytest.mark.parametrize(("n", "a", "b"), CASES)
def test_a_limit_is_the_largest_count_whose_tail_is_not_above_the_probability(
    n: int, a: float, b: float, probability: float
) -> None:
    found = BetaBinomial(n, a, b).limit(probability)
    tails = stats.betabinom.pmf(np.arange(n + 1), n, a, b).cumsum()
    below, at = (tails[found - 1] if found else 0.0), tails[found]
    assert 0 <= found <= n
    assert below <= probability * (1 + 1e-6)
    assert at > probability * (1 - 1e-6) or found == n


@pytest.mark.parametrize(("n", "a", "b"), CASES)
def test_tails(n: int, a: float, b: float) -> None:
    distribution = BetaBinomial(n, a, b)
    tails = stats.betabinom.pmf(np.arange(n + 1), n, a, b).cumsum()
    for count in {0, 1, n // 3, n // 2, n * 9 // 10, n, n + 1}:
        expected = 0.0 if count == 0 else min(1.0, tails[min(count - 1, n)])
        if expected < 1e-280:
            assert distribution.below(count) < 1e-270
        else:
            assert distribution.below(count) == pytest.approx(expected, rel=1e-6)


def test_a_window_of_many_rows_costs_a_bounded_number_of_terms() -> None:
    distribution = BetaBinomial(100_000, 4750.5, 250.5)
    first, limit = distribution.start(np.log(1e-6)), distribution.limit(1e-6)
    assert limit - first < 20_000


@pytest.mark.parametrize(("n", "a", "b"), [*CASES, (100, 1.2, 1.3), (10, 3.0, 2.0), (1000, 2.5, 40.0)])
def test_the_probabilities_rise_up_to_the_mode(n: int, a: float, b: float) -> None:
    probabilities = stats.betabinom.logpmf(np.arange(n + 1), n, a, b)
    if a + b > 2 and a > 1 and b > 1:
        assert probabilities[BetaBinomial(n, a, b)._mode()] == pytest.approx(probabilities.max(), abs=1e-9)
