# SPDX-License-Identifier: Apache-2.0
"""When an ended Job ended, and whether its pods tell how."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.controllers.shared import evidence
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import failed_pod, job_ended, later, make, pod_of, terminated

JOB = make(JOBS, "job", spec={})


@pytest.mark.parametrize(("told", "taken"), [(10, 10), (40, 40), (3640, 40)], ids=["past", "now", "future"])
def test_an_end_in_the_future_is_now(told: float, taken: float) -> None:
    assert evidence.end_of(job_ended(JOB, at=later(told)), later(40)) == later(taken)


@pytest.mark.parametrize(
    ("now", "conclusive"),
    [(10, False), (14, False), (15, True), (0, False), (-49, False), (-50, True), (-3590, True), (3610, True)],
)
def test_missing_pods_are_believed_to_be_missing_some_seconds_from_the_end_by_either_clock(
    now: float, conclusive: bool
) -> None:
    job = job_ended(JOB, at=later(10), succeeded=False)
    assert evidence.conclusive(job, [], later(now)) is conclusive
    assert evidence.conclusive(job, [failed_pod(job, "", exit_code=1)], later(now))


@pytest.mark.parametrize(("kind", "status"), [("Failed", "False"), ("Suspended", "True")])
def test_only_a_true_condition_of_an_end_tells_the_end(kind: str, status: str) -> None:
    told = {"type": kind, "status": status, "lastTransitionTime": timestamp(later(10))}
    assert evidence.end_of({**JOB, "status": {"conditions": [told]}}, later(40)) is None


def test_nothing_is_decided_without_having_read_the_pods() -> None:
    assert not evidence.conclusive(job_ended(JOB, at=later(10)), None, later(3610))


@pytest.mark.parametrize(
    ("succeeded", "phase", "conclusive"),
    [(True, "Succeeded", True), (True, "Running", False), (False, "Failed", True), (False, "Succeeded", False)],
)
def test_just_after_the_end_a_pod_that_ended_alike_is_believed(succeeded: bool, phase: str, conclusive: bool) -> None:
    job = job_ended(JOB, at=later(10), succeeded=succeeded)
    main = {"running": {}} if phase == "Running" else terminated()
    assert evidence.conclusive(job, [pod_of(job, phase=phase, main=main)], later(10)) is conclusive
