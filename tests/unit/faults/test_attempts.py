# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from tests.faults.invariants.attempts import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, child

FAILED = {"index": 0, "job": "job-0", "outcome": "Failed", "reason": "Error"}
RUNNING = {"index": 0, "job": "job-0"}
SECOND = {"index": 1, "job": "job-1"}


def training(*attempts: Manifest, **spec: Any) -> Manifest:
    return make(TRAINING_JOBS, "job", spec=spec, status={"attempts": list(attempts)})


def job(number: int) -> Manifest:
    return child(JOBS, f"job-{number}", training(), labels={LABEL_ATTEMPT: str(number)})


def test_as_many_attempts_as_are_allowed() -> None:
    story = Story()
    story.put(TRAINING_JOBS, training(backoffLimit=1))
    story.put(JOBS, job(0))
    story.put(TRAINING_JOBS, training(FAILED, backoffLimit=1))
    story.put(JOBS, job(1))
    story.put(TRAINING_JOBS, training(FAILED, SECOND, backoffLimit=1))
    assert list(check(story.history)) == []


def test_a_limit_that_was_lowered_meanwhile() -> None:
    story = Story()
    story.put(TRAINING_JOBS, training(backoffLimit=1))
    story.put(TRAINING_JOBS, training(FAILED, SECOND, backoffLimit=0))
    story.put(JOBS, job(1))
    assert list(check(story.history)) == []


@pytest.mark.parametrize(("spec", "number"), [({"backoffLimit": 1}, 2), ({}, 4)])
def test_a_job_too_many(spec: Manifest, number: int) -> None:
    story = Story()
    story.put(TRAINING_JOBS, training(**spec))
    story.put(JOBS, job(number - 1))
    story.put(JOBS, job(number))
    (violation,) = check(story.history)
    assert f"is attempt {number}, counted from 0; backoffLimit was never above {number - 1}" in violation


def test_an_attempt_of_nobody() -> None:
    story = Story()
    story.put(JOBS, job(0))
    (violation,) = check(story.history)
    assert "is an attempt of uid-of-job, which nobody has seen" in violation


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([FAILED], [], "attempt 0 was recorded and is gone"),
        ([FAILED], [RUNNING], "attempt 0 had ended"),
        ([FAILED], [{**FAILED, "reason": "OOMKilled"}], "attempt 0 had ended"),
        ([RUNNING], [SECOND, FAILED], "attempts are not in their order: [1, 0]"),
        ([RUNNING], [FAILED, SECOND, {"index": 2}], "records 3 attempts; backoffLimit was never above 1"),
    ],
)
def test_records_that_change(before: list[Manifest], after: list[Manifest], what: str) -> None:
    story = Story()
    story.put(TRAINING_JOBS, training(*before, backoffLimit=1))
    story.put(TRAINING_JOBS, training(*after, backoffLimit=1))
    (violation,) = check(story.history)
    assert what in violation
