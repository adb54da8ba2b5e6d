"""The absolute rule: what floor and ceiling say of one value."""

import pytest

from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.floor import check_floor


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.92, Verdict.FAIL), (0.93, Verdict.PASS), (0.99, Verdict.PASS), (0.991, Verdict.FAIL)]
)
def test_a_value_passes_between_floor_and_ceiling(value: float, verdict: Verdict) -> None:
    finding = check_floor(MetricRule(min=0.93, max=0.99), value)
    assert finding is not None
    assert finding.verdict is verdict


def test_the_message_names_value_and_limit() -> None:
    finding = check_floor(MetricRule(min=0.93), 0.5)
    assert finding is not None
    assert finding.message == "0.5 is below the floor 0.93"


def test_a_rule_without_floor_and_ceiling_says_nothing() -> None:
    assert check_floor(MetricRule.model_validate({"change": {}}), 0.1) is None
