# SPDX-License-Identifier: Apache-2.0
"""The rules of an Evaluation against what a run reported."""

import math

import pytest

from mlops_contract import Figure, rule_figure
from mlops_contract.models.result import Result
from mlops_operator.api.evaluation import MetricRule, MetricStatus, Verdict
from mlops_operator.controllers.evaluation.policies.judge import judge
from tests.harness.evaluations import counts_of_rule, figures_of_rule


def _rule(**fields: object) -> MetricRule:
    return MetricRule.model_validate({"name": "accuracy", **fields})


def _result(*rules: tuple[int, dict[str, float]]) -> Result:
    """A result of rules with a number of rows and figures each."""
    metrics: dict[str, float] = {}
    counts: dict[str, int] = {}
    for position, (rows, figures) in enumerate(rules):
        metrics |= {f"{position}.{name.partition('.')[2]}": value for name, value in figures.items()}
        counts |= counts_of_rule(position, rows)
    return Result(uid="u", metrics=metrics, counts=counts)


def _one(rule: MetricRule, result: Result, *, with_baseline: bool = False, gates_before: int = 0) -> MetricStatus:
    (status,) = judge([rule], result, with_baseline=with_baseline, gates_before=gates_before)
    return status


def test_each_rule_is_judged_by_its_own_figures_and_rows() -> None:
    rules = [_rule(min=0.9), _rule(slice="shifted", min=0.9)]
    result = _result((900, figures_of_rule(0, 0.99, floor=0.9)), (450, figures_of_rule(0, 0.5, floor=0.9)))
    every, shifted = judge(rules, result, with_baseline=False)
    assert (every.verdict, every.candidate, every.n) == (Verdict.PASS, 0.99, 900)
    assert (shifted.verdict, shifted.candidate, shifted.n, shifted.slice) == (Verdict.FAIL, 0.5, 450, "shifted")


def test_too_few_rows_are_inconclusive_however_bad_the_value() -> None:
    status = _one(_rule(min=0.9, minCount=500), _result((499, figures_of_rule(0, 0.1, floor=0.9))))
    assert status.verdict is Verdict.INCONCLUSIVE
    assert status.message == "499 rows, at least 500 are needed: 1 more"
    assert status.candidate == 0.1


def test_a_metric_that_was_not_reported_is_no_data() -> None:
    assert _one(_rule(min=0.9), _result((900, {}))).verdict is Verdict.NO_DATA


def test_a_value_that_is_not_finite_is_no_data() -> None:
    result = _result((900, {})).model_copy(update={"metrics": {rule_figure(0, Figure.CANDIDATE): math.nan}})
    status = _one(_rule(min=0.9), result)
    assert (status.verdict, status.candidate) == (Verdict.NO_DATA, None)


def test_a_failed_minimum_outweighs_a_change_that_is_not_shown() -> None:
    status = _one(
        _rule(min=0.9, change={}), _result((900, figures_of_rule(0, 0.5, 0.5, floor=0.9))), with_baseline=True
    )
    assert status.verdict is Verdict.FAIL
    assert "below the minimum" in status.message


def test_a_met_minimum_does_not_hide_a_failed_change() -> None:
    status = _one(_rule(min=0.9, change={}), _result((900, figures_of_rule(0, 0.95, 0.97))), with_baseline=True)
    assert status.verdict is Verdict.FAIL
    assert (status.baseline, status.difference, status.confidence) == (0.97, -0.02, 0.95)
    assert status.lower == pytest.approx(-0.0298)


def test_without_a_baseline_a_change_is_not_asked() -> None:
    status = _one(_rule(change={}), _result((900, figures_of_rule(0, 0.5))))
    assert (status.verdict, status.message) == (Verdict.PASS, "no baseline: change is not evaluated")


def test_with_a_baseline_a_change_that_was_not_measured_is_no_data() -> None:
    status = _one(_rule(change={}), _result((900, figures_of_rule(0, 0.5))), with_baseline=True)
    assert status.verdict is Verdict.NO_DATA


def test_a_loss_at_the_level_of_one_rule_is_no_failure_among_twelve() -> None:
    # Two standard errors below: p = 0.0228, below 0.05 and above 0.05 / 12
    worse, equal = figures_of_rule(0, 0.94, 0.95), figures_of_rule(0, 0.95, 0.95)
    assert _one(_rule(change={}), _result((900, worse)), with_baseline=True).verdict is Verdict.FAIL
    rules = [_rule(slice=f"s{number}", change={}) for number in range(12)]
    found = judge(rules, _result((900, worse), *[(900, equal)] * 11), with_baseline=True)
    assert {status.verdict for status in found} == {Verdict.INCONCLUSIVE}


def test_a_value_below_its_minimum_on_too_few_rows_does_not_make_room_for_another_rule() -> None:
    # p = 0.0287 fails alone, and among two only after the other was shown to be broken.
    rules = [_rule(min=0.9), _rule(slice="a", min=0.9)]
    low, lowest = figures_of_rule(0, 0.8905, floor=0.9), figures_of_rule(0, 0.5, floor=0.9)
    enough, _ = judge(rules, _result((900, low), (900, lowest)), with_baseline=False)
    assert enough.verdict is Verdict.FAIL
    enough, few = judge(rules, _result((900, low), (10, lowest)), with_baseline=False)
    assert (enough.verdict, few.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)


def test_a_change_that_is_not_asked_does_not_count_in_the_correction() -> None:
    status = _one(_rule(min=0.9, change={}), _result((900, figures_of_rule(0, 0.8905, floor=0.9))))
    assert status.verdict is Verdict.FAIL


def test_the_p_values_of_a_change_are_told_where_one_is_asked() -> None:
    result = _result((900, figures_of_rule(0, 0.96, 0.95)))
    asked = _one(_rule(change={}), result, with_baseline=True)
    assert asked.p_value == pytest.approx(0.02275, abs=1e-5)
    assert asked.p_shortfall == pytest.approx(0.97725, abs=1e-5)
    for status in (_one(_rule(change={}), result), _one(_rule(min=0.9), result, with_baseline=True)):
        assert (status.p_value, status.p_shortfall) == (None, None)


def test_rules_with_too_few_rows_do_not_fail_and_still_count_in_the_correction() -> None:
    rules = [_rule(change={}), _rule(slice="a", change={}), _rule(slice="b", change={})]
    worse = figures_of_rule(0, 0.94, 0.95)
    enough, few, _ = judge(rules, _result((900, worse), (10, worse), (10, worse)), with_baseline=True)
    assert (enough.verdict, few.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(("before", "verdict"), [(0, Verdict.PASS), (1, Verdict.INCONCLUSIVE)])
def test_a_later_gate_on_the_same_rows_needs_a_smaller_p_value(before: int, verdict: Verdict) -> None:
    # Two standard errors above: p = 0.0228; the second gate needs one below 0.00625
    result = _result((900, figures_of_rule(0, 0.96, 0.95)))
    status = _one(_rule(change={}), result, with_baseline=True, gates_before=before)
    assert status.verdict is verdict
    assert ("gate number 2 on these rows" in status.message) is bool(before)
    assert status.level == pytest.approx(0.025 / (before + 1) ** 2)


@pytest.mark.parametrize(("before", "worn"), [(9, False), (10, True), (11, True)])
def test_worn_rows_are_named(before: int, worn: bool) -> None:
    result = _result((900, figures_of_rule(0, 0.96, 0.95)))
    status = _one(_rule(change={}), result, with_baseline=True, gates_before=before)
    assert ("use new rows" in status.message) is worn
