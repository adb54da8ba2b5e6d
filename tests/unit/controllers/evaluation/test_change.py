"""The relative rule: the confidence interval against the wanted change, turned by the metric's direction."""

import pytest

from mlops_operator.api.evaluation import Change, Direction, Verdict
from mlops_operator.controllers.evaluation.policies.change import check_change

MORE, LESS = Direction.MAXIMIZE, Direction.MINIMIZE


@pytest.mark.parametrize(
    ("direction", "least", "lower", "upper", "verdict"),
    [
        (MORE, 0.0, 0.01, 0.05, Verdict.PASS),
        (MORE, 0.0, 0.0, 0.0, Verdict.PASS),  # the same predictions: not worse
        (MORE, 0.0, -0.01, 0.05, Verdict.INCONCLUSIVE),
        (MORE, 0.0, -0.05, -0.01, Verdict.FAIL),
        (MORE, -0.02, -0.01, 0.0, Verdict.PASS),  # a bounded loss is allowed
        (MORE, -0.02, -0.03, 0.0, Verdict.INCONCLUSIVE),
        (MORE, 0.02, 0.01, 0.019, Verdict.FAIL),  # better, but not by enough
        (LESS, 0.0, -0.05, -0.01, Verdict.PASS),  # a loss that fell
        (LESS, 0.0, 0.01, 0.05, Verdict.FAIL),
        (LESS, 0.0, -0.01, 0.05, Verdict.INCONCLUSIVE),
    ],
)
def test_the_whole_interval_decides(
    direction: Direction, least: float, lower: float, upper: float, verdict: Verdict
) -> None:
    finding = check_change(Change(min=least), direction, lower=lower, upper=upper)
    assert finding.verdict is verdict


@pytest.mark.parametrize(("lower", "upper"), [(None, 0.1), (0.1, None), (None, None)])
def test_an_end_that_was_not_measured_is_no_data(lower: float | None, upper: float | None) -> None:
    assert check_change(Change(), MORE, lower=lower, upper=upper).verdict is Verdict.NO_DATA
