"""One rule against what a run reported."""

import math

from mlops_contract import Result
from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.judge import judge


def _rule(**fields: object) -> MetricRule:
    return MetricRule.model_validate({"name": "accuracy", **fields})


def _result(key: str = "accuracy", *, rows: int = 900, **figures: float) -> Result:
    slice_name = key.partition("@")[2] or "all"
    return Result(
        uid="u", metrics={f"{key}.{name}": value for name, value in figures.items()}, counts={slice_name: rows}
    )


def test_a_slice_is_judged_by_its_own_figures_and_rows() -> None:
    rule = _rule(slice="shifted", min=0.9, minCount=100)
    result = Result(
        uid="u",
        metrics={"accuracy.candidate": 0.99, "accuracy@shifted.candidate": 0.5},
        counts={"all": 900, "shifted": 450},
    )
    status = judge(rule, result, with_baseline=False)
    assert (status.verdict, status.candidate, status.n, status.slice) == (Verdict.FAIL, 0.5, 450, "shifted")


def test_too_few_rows_are_inconclusive_however_bad_the_value() -> None:
    status = judge(_rule(min=0.9, minCount=500), _result(rows=499, candidate=0.1), with_baseline=False)
    assert status.verdict is Verdict.INCONCLUSIVE
    assert status.message == "499 rows, at least 500 are needed"
    assert status.candidate == 0.1


def test_no_row_is_no_data() -> None:
    assert judge(_rule(min=0.9), _result(rows=0), with_baseline=False).verdict is Verdict.NO_DATA


def test_a_metric_that_was_not_reported_is_no_data() -> None:
    assert judge(_rule(min=0.9), _result(), with_baseline=False).verdict is Verdict.NO_DATA


def test_a_value_that_is_not_finite_is_no_data() -> None:
    result = _result(candidate=0.5).model_copy(update={"metrics": {"accuracy.candidate": math.nan}})
    status = judge(_rule(min=0.9), result, with_baseline=False)
    assert (status.verdict, status.candidate) == (Verdict.NO_DATA, None)


def test_a_failed_floor_outweighs_a_change_that_cannot_be_told() -> None:
    result = _result(candidate=0.5, baseline=0.5, difference=0.0, lower=-0.1, upper=0.1)
    status = judge(_rule(min=0.9, change={}), result, with_baseline=True)
    assert status.verdict is Verdict.FAIL
    assert "below the floor" in status.message


def test_a_kept_floor_does_not_hide_a_failed_change() -> None:
    result = _result(candidate=0.95, baseline=0.97, difference=-0.02, lower=-0.03, upper=-0.01)
    status = judge(_rule(min=0.9, change={}), result, with_baseline=True)
    assert status.verdict is Verdict.FAIL
    assert (status.baseline, status.difference, status.lower, status.upper) == (0.97, -0.02, -0.03, -0.01)
    assert status.confidence == 0.95


def test_without_a_baseline_a_change_is_not_asked() -> None:
    status = judge(_rule(change={}), _result(candidate=0.5), with_baseline=False)
    assert (status.verdict, status.message) == (Verdict.PASS, "no baseline: the change is not asked")


def test_with_a_baseline_a_change_that_was_not_measured_is_no_data() -> None:
    assert judge(_rule(change={}), _result(candidate=0.5), with_baseline=True).verdict is Verdict.NO_DATA
