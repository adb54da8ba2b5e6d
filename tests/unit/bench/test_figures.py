# SPDX-License-Identifier: Apache-2.0
"""The benchmark's statistics."""

import pytest

from bench.figures import fit, over_repeats, quantile, rounded


def test_a_quantile_is_the_least_value_that_the_share_does_not_exceed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert quantile(values, 0.5) == 50
    assert quantile(values, 0.99) == 99
    assert quantile(values, 1.0) == 100
    assert quantile([7.0], 0.99) == 7


def test_a_quantile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="found none"):
        quantile([], 0.5)


def test_repeats_become_median_least_and_most() -> None:
    found = over_repeats([{"ms": 3.0}, {"ms": 9.0}, {"ms": 4.0}])
    assert found == {"ms": (4.0, 3.0, 9.0)}


def test_repeats_with_different_figures_are_an_error() -> None:
    with pytest.raises(ValueError, match="same figures"):
        over_repeats([{"ms": 3.0}, {"seconds": 3.0}])


def test_the_line_of_least_squares_and_its_farthest_point() -> None:
    line = fit([(0, 10), (10, 30), (20, 50), (30, 74)])
    assert line.slope == pytest.approx(2.12)
    assert line.intercept == pytest.approx(9.2)
    assert line.worst == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, 0), (0.0123456, 0.01235), (3.14159, 3.142), (123.456, 123.5), (9876.5, 9876)]
)
def test_four_digits_are_kept(value: float, shown: float) -> None:
    assert rounded(value) == shown
