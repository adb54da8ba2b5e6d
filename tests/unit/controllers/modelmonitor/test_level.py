# SPDX-License-Identifier: Apache-2.0
"""What reference windows say together, and the rates that follow, by simulation through the functions that judge."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import pytest
from scipy import stats

from bench.decisions.monitor import false_alarm_share, missed_share, reference_windows
from mlops_operator.api.modelmonitor import ReferenceWindow
from mlops_operator.controllers.modelmonitor.policies.level import (
    MAX_ROWS,
    OUTLIER,
    OVERDISPERSED,
    Level,
    _chance,
    _chi_squared,
    level_of,
)

SIZES = {"5m": 300, "1h": 3600, "24h": 86400}


def windows(*values: float, n: int = 500, effective: float | None = None) -> list[ReferenceWindow]:
    rows = n if effective is None else effective
    return [ReferenceWindow(start="2026-01-01T12:00:00Z", value=value, n=n, effective=rows) for value in values]


@pytest.mark.parametrize("n", [100, 500, 5000])
@pytest.mark.parametrize("lower", [0.5, 0.9, 0.96])
def test_the_loss_that_is_found_breaches_in_four_of_five_windows(n: int, lower: float) -> None:
    loss = level_of(windows(*[0.97] * 10)).found_loss(n, lower)
    assert loss is not None
    # The share is that of whole rows: half of the probability of the limit itself is the mean over limits nearby.
    right = round(lower * n)
    found = stats.binom.cdf(right - 1, n, loss) + stats.binom.pmf(right, n, loss) / 2
    assert found == pytest.approx(0.8, abs=0.015)


def test_a_limit_that_no_window_is_below_finds_no_loss() -> None:
    level = level_of(windows(*[0.97] * 10))
    assert level.found_loss(500, 0.0) is None
    assert level.found_loss(500, 1.5) == level.found_loss(500, 1.0)


def test_rows_that_depend_on_each_other_find_larger_losses_only() -> None:
    calm, wild = level_of(windows(*[0.9] * 10)), level_of(windows(*[0.8, 0.85, 0.9, 0.95, 1.0] * 2))
    one, other = calm.found_loss(500, 0.85), wild.found_loss(500, 0.85)
    assert one is not None
    assert other is not None
    assert other < one - 0.01


def test_windows_that_agree_are_pooled_by_their_rows() -> None:
    level = level_of([*windows(0.94, 0.95, 0.96), *windows(0.95, n=1000)])
    assert level.share == pytest.approx((0.94 * 500 + 0.95 * 500 + 0.96 * 500 + 0.95 * 1000) / 2500)
    assert (level.rows, level.correlation, level.design, level.used) == (2500, 0.0, 1.0, 4)


@pytest.mark.parametrize("bad", [1, 2, 3])
@pytest.mark.parametrize("value", [0.75, 1.0])
def test_three_of_ten_windows_may_be_bad(bad: int, value: float) -> None:
    good = [0.94, 0.946, 0.95, 0.954, 0.96, 0.948, 0.952, 0.95, 0.944]
    level = level_of(windows(*[value] * bad, *good[: 10 - bad]))
    assert level.share == pytest.approx(0.95, abs=0.003)
    assert (level.used, level.windows) == (10 - bad, 10)


def test_a_bad_window_in_the_reference_does_not_hide_a_loss() -> None:
    level = level_of(windows(0.75, *[0.95] * 9))
    assert level.lower_limit(500, 1e-6) > 0.88


@pytest.mark.parametrize(("deviations", "used"), [(OUTLIER - 0.01, 4), (OUTLIER + 0.01, 3)])
def test_a_window_is_left_out_beyond_four_deviations(deviations: float, used: int) -> None:
    chance = (0.5 * 0.5 / 500) ** 0.5
    level = level_of(windows(0.5, 0.5, 0.5, 0.5 - deviations * chance))
    assert level.used == used


def test_windows_that_vary_by_more_than_chance_count_for_fewer_rows() -> None:
    calm = level_of(windows(0.94, 0.95, 0.96, 0.945, 0.955, 0.95))
    wild = level_of(windows(0.90, 0.98, 0.92, 0.96, 0.91, 0.97))
    assert calm.correlation == 0.0
    assert wild.correlation > 0.002
    assert wild.rows < calm.rows / 2
    assert wild.lower_limit(500, 1e-3) < calm.lower_limit(500, 1e-3)


def test_a_metric_with_a_larger_standard_error_counts_for_fewer_rows() -> None:
    level = level_of(windows(*[0.95] * 10, effective=100.0))
    assert (level.design, level.rows, level.rows_of(500)) == (0.2, 1000, 100)


def test_the_rows_of_a_window_are_bounded() -> None:
    level = level_of(windows(*[0.95] * 10))
    assert level.rows_of(10**9) == MAX_ROWS
    assert level.rows_of(1) == 1


@pytest.mark.parametrize("value", [0.929, 0.93, 0.931])
def test_the_chance_to_fall_below_a_minimum_is_binomial_for_a_well_known_level(value: float) -> None:
    level = level_of(windows(*[0.95] * 20, n=10**6))
    expected = stats.binom.cdf(np.ceil(round(value * 500, 6)) - 1, 500, 0.95)
    assert level.probability_below(500, value) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("value", "expected"), [(2.0, 1.0), (1.0, 1 - 0.5**5)])
def test_the_chance_to_fall_below_all_rows_and_below_more_than_all(value: float, expected: float) -> None:
    level = level_of(windows(*[0.5] * 20, n=10**6))
    assert level.probability_below(5, value) == pytest.approx(expected, rel=1e-6)


def test_correlated_rows_count_for_fewer() -> None:
    level = Level(share=0.95, rows=1000.0, correlation=0.01, design=1.0, used=10, windows=10)
    assert (level.rows_of(100), level.rows_of(10_000)) == (50, 99)


def test_the_correlation_is_the_variation_that_chance_does_not_explain() -> None:
    # Ten windows of 100 rows at 0.5 +- 0.2, each four standard errors of 0.05 from the level
    level = level_of(windows(*[0.3, 0.7] * 5, n=100))
    assert level.correlation == pytest.approx((10 * 4.0**2 / 9 - 1) / 100)


def test_two_windows_that_disagree_say_that_rows_are_correlated() -> None:
    assert level_of(windows(0.3, 0.7, n=100)).correlation == pytest.approx((2 * 4.0**2 - 1) / 100)
    assert level_of(windows(0.7, n=100)).correlation == 0.0


@pytest.mark.parametrize("degrees", [2, 5, 9, 19, 49])
def test_the_quantile_of_chi_squared_is_within_a_hundredth(degrees: int) -> None:
    assert _chi_squared(OVERDISPERSED, degrees) == pytest.approx(stats.chi2.ppf(OVERDISPERSED, degrees), rel=0.01)


@pytest.mark.parametrize(("share", "smooth"), [(0.0, 0.5 / 101), (0.5, 0.5), (1.0, 100.5 / 101)])
def test_a_share_has_half_a_row_on_either_side(share: float, smooth: float) -> None:
    assert _chance(share, 100.0) == pytest.approx((smooth * (1 - smooth) / 100) ** 0.5)


# -- rates -----------------------------------------------------------------------------------


def references(number: int, values: Sequence[float], n: int) -> list[list[ReferenceWindow]]:
    generator = np.random.default_rng(11)
    return [reference_windows(values, n, generator) for _ in range(number)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("accuracy", "rows", "n"), [(0.95, 500, 500), (0.95, 5000, 500), (0.95, 500, 5000), (0.9995, 500, 500)]
)
def test_healthy_models_hold_the_budget_of_false_alarms(accuracy: float, rows: int, n: int, size: str) -> None:
    shares = [
        false_alarm_share(level_of(reference), n, accuracy, SIZES[size])
        for reference in references(60, [accuracy] * 10, rows)
    ]
    # A month's false alarms come from the worst few references: the mean of 60 is known to about a third.
    assert fmean(shares) <= 0.013


@pytest.mark.parametrize("size", SIZES)
def test_a_loss_of_five_points_is_found_within_ten_windows(size: str) -> None:
    generator = np.random.default_rng(12)
    found = [
        missed_share(level_of(reference), 500, SIZES[size], generator, before=0.95, after=0.90, repeats=5)
        for reference in references(60, [0.95] * 10, 500)
    ]
    single, two_of_three = np.mean(found, axis=0)
    assert single <= 0.05
    assert two_of_three <= 0.05


def test_a_bad_window_in_the_reference_costs_little() -> None:
    generator = np.random.default_rng(13)
    levels = [level_of(reference) for reference in references(40, [0.75, *[0.95] * 9], 500)]
    assert fmean(false_alarm_share(level, 500, 0.95, 300) for level in levels) <= 0.013
    missed = [missed_share(level, 500, 300, generator, before=0.95, after=0.90, repeats=5)[1] for level in levels]
    assert fmean(missed) <= 0.05
