# SPDX-License-Identifier: Apache-2.0
"""The absolute rule: what minimum and maximum show of one value."""

import pytest

from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.floor import check_floor


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize(
    ("value", "within"), [(0.929, False), (0.93, True), (0.931, True), (0.989, True), (0.99, True), (0.991, False)]
)
def test_a_value_passes_from_minimum_to_maximum(value: float, within: bool, shown: bool) -> None:
    finding = check_floor(MetricRule(min=0.93, max=0.99), value, p=0.01, shown=shown)
    assert finding is not None
    outside = Verdict.FAIL if shown else Verdict.INCONCLUSIVE
    assert finding.verdict is (Verdict.PASS if within else outside)


def test_the_message_names_value_limit_and_chance() -> None:
    shown = check_floor(MetricRule(min=0.93), 0.5, p=1e-9, shown=True)
    chance = check_floor(MetricRule(min=0.93), 0.9, p=0.2, shown=False)
    assert shown is not None
    assert chance is not None
    assert shown.message == "0.5 is below the minimum of 0.93 (p = 1e-09)"
    assert chance.message == (
        "0.9 is below the minimum of 0.93, which chance may explain (p = 0.2): more rows are needed"
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"min": 0.93}, "0.95 meets the minimum of 0.93"),
        ({"max": 0.99}, "0.95 meets the maximum of 0.99"),
        ({"min": 0.93, "max": 0.99}, "0.95 meets the minimum of 0.93 and the maximum of 0.99"),
    ],
)
def test_a_value_that_passes_is_told_with_the_limits_it_meets(rule: dict[str, float], message: str) -> None:
    finding = check_floor(MetricRule.model_validate(rule), 0.95, p=None, shown=False)
    assert finding is not None
    assert finding.message == message


def test_a_rule_without_minimum_and_maximum_finds_nothing() -> None:
    assert check_floor(MetricRule.model_validate({"change": {}}), 0.1, p=None, shown=False) is None
