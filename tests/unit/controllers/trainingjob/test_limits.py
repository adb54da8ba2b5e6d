# SPDX-License-Identifier: Apache-2.0
"""Which limit allows no further attempt, each below, at and above it."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.trainingjob import Attempt, AttemptOutcome, TrainingJobSpec, TrainingJobStatus
from mlops_operator.controllers.trainingjob.policies import limits
from tests.unit.controllers.builders import NOW, later


def attempts(failed: int, disrupted: int) -> list[Attempt]:
    outcomes = [AttemptOutcome.DISRUPTED] * disrupted + [AttemptOutcome.FAILED] * failed
    return [
        Attempt(
            index=index, job=f"t-{index}", generation=1, outcome=outcome, reason="Error", message="boom", exit_code=1
        )
        for index, outcome in enumerate(outcomes)
    ]


@pytest.mark.parametrize(
    ("failed", "disrupted", "expected"),
    [
        (1, 0, None),
        (2, 0, None),
        (3, 0, ("BackoffLimitExceeded", "3 attempts failed, at most 3 are made; the last: ")),
        (0, 1, None),
        (0, 2, ("DisruptionLimitExceeded", "2 attempts disrupted, and disruptionLimit is 1; the last: ")),
        (2, 1, None),
        (3, 2, ("BackoffLimitExceeded", "3 attempts failed")),
    ],
)
def test_failures_and_disruptions_have_a_limit_each(
    failed: int, disrupted: int, expected: tuple[str, str] | None
) -> None:
    spec = TrainingJobSpec.model_validate({"image": "i", "backoffLimit": 2, "disruptionLimit": 1})
    found = limits.exceeded(spec, TrainingJobStatus(), attempts(failed, disrupted), NOW)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found[0], found[1].startswith(expected[1])) == (expected[0], True)
    assert "boom" in found[1]


def test_one_attempt_is_said_as_one() -> None:
    spec = TrainingJobSpec.model_validate({"image": "i", "backoffLimit": 0})
    found = limits.exceeded(spec, TrainingJobStatus(), attempts(1, 0), NOW)
    assert found is not None
    assert found[1].startswith("1 attempt failed, at most 1 are made; the last: ")


@pytest.mark.parametrize(("now", "over"), [(9, False), (10, True), (11, True)])
def test_the_running_time_has_a_limit(now: float, over: bool) -> None:
    spec = TrainingJobSpec.model_validate({"image": "i", "backoffLimit": 2, "activeDeadlineSeconds": 30})
    status = TrainingJobStatus(ran_seconds=20, running_since=timestamp(NOW))
    found = limits.exceeded(spec, status, attempts(1, 0), later(now))
    assert (found is not None and found[0] == "DeadlineExceeded") is over
    unlimited = TrainingJobSpec.model_validate({"image": "i", "backoffLimit": 2})
    assert limits.exceeded(unlimited, status, attempts(1, 0), later(now)) is None
