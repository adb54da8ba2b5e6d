# SPDX-License-Identifier: Apache-2.0
"""The paired test of proportions: published figures, and its true level by exact sums."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from mlops_workload.proportions import PairedProportions, Proportion


def level(n: int, discordance: float, margin: float, *, alpha: float = 0.025) -> float:
    """Chance that the test shows "above margin" where the true difference is `margin`, by summation."""
    gain, loss = (discordance + margin) / 2, (discordance - margin) / 2
    most = min(n, int(n * discordance + 7 * np.sqrt(n * discordance + 1) + 8))
    cells = [(g, low) for g, low in product(range(most + 1), repeat=2) if g + low <= n]
    shown = [
        (g, low) for g, low in cells if g > low + n * margin and PairedProportions(n, g, low).p_above(margin) < alpha
    ]
    if not shown:
        return 0.0
    gains, losses = np.array(shown).T
    counts = np.stack([gains, losses, n - gains - losses], axis=1)
    return float(multinomial.pmf(counts, n, [gain, loss, 1 - discordance]).sum())


def test_the_interval_holds_the_margins_that_no_test_refuses() -> None:
    test = PairedProportions(100, 12, 5)
    lower, upper = test.interval(0.95)
    assert test.p_above(lower) == pytest.approx(0.025, abs=1e-6)
    assert test.p_below(upper) == pytest.approx(0.025, abs=1e-6)
    assert lower < 0.07 < upper


@pytest.mark.parametrize("n", [30, 100, 300])
@pytest.mark.parametrize("discordance", [0.02, 0.08, 0.25])
@pytest.mark.parametrize("margin", [0.0, -0.01, 0.01])
def test_the_level_is_not_above_the_nominal_one(n: int, discordance: float, margin: float) -> None:
    assert level(n, discordance, margin) <= 0.025


def test_a_candidate_worse_by_five_points_is_hardly_ever_shown_to_be_better() -> None:
    generator = np.random.default_rng(1)
    for n in (30, 100, 300):
        draws = generator.multinomial(n, [0.01, 0.06, 0.93], size=2000)
        shown = [PairedProportions(n, int(g), int(low)).p_above(0.0) < 0.025 for g, low, _ in draws]
        assert np.mean(shown) <= 0.001


@pytest.mark.parametrize("n", [30, 300, 100_000])
@pytest.mark.parametrize("margin", [0.0, 0.01])
def test_ties_never_pass(n: int, margin: float) -> None:
    test = PairedProportions(n, 0, 0)
    assert test.p_above(margin) >= 0.5
    assert test.interval(0.95)[0] < 0.0


@pytest.mark.parametrize(("n", "shown"), [(30, False), (470, False), (480, True)])
def test_ties_show_a_bounded_loss_only_with_enough_rows(n: int, shown: bool) -> None:
    # With no discordant row z = (0.01 n - 1/2) / sqrt(0.01 n 0.99)
    assert (PairedProportions(n, 0, 0).p_above(-0.01) < 0.025) is shown


@pytest.mark.parametrize(("gains", "shown"), [(4, False), (5, True)])
def test_few_gains_and_no_loss(gains: int, shown: bool) -> None:
    assert (PairedProportions(300, gains, 0).p_above(0.0) < 0.025) is shown


def test_gains_and_losses_exchanged_exchange_the_tests() -> None:
    one, other = PairedProportions(200, 20, 5), PairedProportions(200, 5, 20)
    assert one.p_above(0.02) == other.p_below(-0.02)
    lower, upper = one.interval(0.9)
    assert other.interval(0.9) == (-upper, -lower)


def test_a_share_is_tested_by_the_binomial_distribution() -> None:
    share = Proportion(85, 100)
    assert share.p_below(0.9) == pytest.approx(binom.cdf(85, 100, 0.9))
    assert share.p_above(0.8) == pytest.approx(1 - binom.cdf(84, 100, 0.8))
    assert share.p_below(1.5) == 0.0
