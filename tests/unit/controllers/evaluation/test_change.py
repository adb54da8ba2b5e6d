# SPDX-License-Identifier: Apache-2.0
"""The relative rule: the p-value of an improvement against its level, turned by the metric's direction."""

from typing import Any

import pytest

from mlops_operator.api.evaluation import Change, MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.change import check_change, missing_rows
from mlops_operator.controllers.evaluation.policies.measured import Measured

LEVEL = 0.025


def measured(name: str = "accuracy", **figures: float | None) -> Measured:
    """A rule with these figures beside usual ones."""
    known: dict[str, Any] = {
        "candidate": 0.93,
        "baseline": 0.92,
        "lower": -0.005,
        "upper": 0.025,
        "p_more": 0.1,
        "p_less": 0.9,
        **figures,
    }
    rule = MetricRule.model_validate({"name": name, "change": {}})
    return Measured(rule=rule, n=1000, rarest=300, discordant=60, **known)


def verdict(found: Measured, *, falls_short: bool = False) -> Verdict:
    return check_change(found, Change(), level=LEVEL, falls_short=falls_short).verdict


@pytest.mark.parametrize(
    ("p", "expected"), [(0.0249, Verdict.PASS), (0.025, Verdict.INCONCLUSIVE), (0.0251, Verdict.INCONCLUSIVE)]
)
def test_an_improvement_needs_a_p_value_strictly_below_the_level(p: float, expected: Verdict) -> None:
    assert verdict(measured(p_more=p)) is expected


def test_the_same_answers_do_not_pass() -> None:
    same = measured(candidate=0.92, lower=0.0, upper=0.0, p_more=1.0, p_less=1.0)
    assert verdict(same) is Verdict.INCONCLUSIVE


def test_a_shortfall_fails_only_where_it_is_shown() -> None:
    worse = measured(candidate=0.9, lower=-0.04, upper=-0.001, p_more=0.98, p_less=0.02)
    assert verdict(worse) is Verdict.INCONCLUSIVE
    assert verdict(worse, falls_short=True) is Verdict.FAIL


def test_the_interval_is_turned_for_a_metric_that_is_better_when_lower() -> None:
    loss = measured("log_loss", candidate=0.3, baseline=0.4, lower=-0.15, upper=-0.05, p_more=1e-4)
    finding = check_change(loss, Change(), level=LEVEL, falls_short=False)
    assert (finding.verdict, finding.message) == (
        Verdict.PASS,
        "0.95 interval of the improvement [0.05, 0.15] is above 0 (p = 0.0001)",
    )


def test_an_improvement_that_is_not_shown_names_the_rows_that_would_show_it() -> None:
    finding = check_change(measured(), Change(), level=LEVEL, falls_short=False)
    assert finding.message == (
        "0.95 interval of the improvement [-0.005, 0.025]: more than 0 is not shown, p = 0.1, needed below 0.025; "
        "about 3598 more rows would show the observed improvement of 0.01, at 60 discordant of 1000 rows"
    )


def test_the_rows_named_are_for_what_is_above_the_wanted_change() -> None:
    # A quarter of the margin needs 16 times the rows: 16 * (1000 + 3597.3) - 1000.
    finding = check_change(measured(), Change(min=0.0075), level=LEVEL, falls_short=False)
    assert "about 72556 more rows" in finding.message


def test_the_observed_improvement_of_a_metric_that_is_better_when_lower_is_a_fall() -> None:
    loss = measured("log_loss", candidate=0.3, baseline=0.4, lower=-0.25, upper=0.05)
    finding = check_change(loss, Change(), level=LEVEL, falls_short=False)
    assert "more rows would show the observed improvement of 0.1" in finding.message


@pytest.mark.parametrize("found", [measured(candidate=None), measured(baseline=None)])
def test_without_a_value_of_both_no_number_of_rows_is_named(found: Measured) -> None:
    finding = check_change(found, Change(), level=LEVEL, falls_short=False)
    assert finding.message.endswith("; more rows are needed")


def test_no_number_of_rows_shows_an_improvement_that_was_not_observed() -> None:
    finding = check_change(measured(candidate=0.92), Change(), level=LEVEL, falls_short=False)
    assert finding.message.endswith("the observed improvement 0 is not above 0: another candidate is needed")


def test_the_rows_named_are_those_of_the_sample_size_formula() -> None:
    # 95 to 94 %, both models on the same rows, 8 % discordant: (1.96 + 0.8416)^2 (0.08 - 0.01^2) / 0.01^2 = 6,271.
    error = (0.0799 / 1000) ** 0.5
    more = missing_rows(n=1000, margin=0.01, half_width=1.959964 * error, confidence=0.95, level=0.025)
    assert more == pytest.approx(6271 - 1000, abs=2)


def test_a_tighter_level_needs_more_rows() -> None:
    usual, tight = (
        missing_rows(n=100, margin=0.01, half_width=0.05, confidence=0.95, level=level) for level in (0.025, 0.001)
    )
    assert tight > usual


def test_a_difference_that_was_not_measured_is_no_data() -> None:
    assert verdict(measured(p_more=None)) is Verdict.NO_DATA
    assert verdict(measured(p_less=None)) is Verdict.NO_DATA


@pytest.mark.parametrize(("lower", "upper"), [(None, None), (None, 0.1), (-0.1, None)])
def test_an_interval_without_ends_is_inconclusive(lower: float | None, upper: float | None) -> None:
    finding = check_change(
        measured(lower=lower, upper=upper, p_more=1.0, p_less=1.0), Change(), level=LEVEL, falls_short=False
    )
    assert (finding.verdict, "more groups are needed" in finding.message) == (Verdict.INCONCLUSIVE, True)
