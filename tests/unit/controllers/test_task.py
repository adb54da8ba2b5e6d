"""A task's Job as its parent's plan sees it."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.plan import EventsAbout
from tests.unit.controllers.builders import job_started, later, make

WAITING = 6
"""Seconds: long enough for the pods to be read."""


def job() -> Manifest:
    return make(JOBS, "check", spec={"template": {}})


def refusals(job: Manifest) -> Reads:
    note = 'Error creating: pods "check-x2k9v" is forbidden: exceeded quota: small'
    read = EventsAbout(namespace=job["metadata"]["namespace"], kind="Job", reason="FailedCreate")
    return {read: [{"regarding": {"uid": job["metadata"]["uid"]}, "note": note}]}


def test_pods_that_are_refused_are_reported_with_the_cause() -> None:
    started = job_started(job(), at=later(0))
    state = observe_task("u", started, [], later(WAITING), refusals(started))
    assert (state.phase, state.reason) == (TaskPhase.PENDING, "Forbidden")
    assert state.message == "Error creating: pods is forbidden: exceeded quota: small"
    assert state.next_look is not None
    assert state.next_look <= 10


@pytest.mark.parametrize(("seconds", "reason"), [(59, ""), (60, "PodPending"), (61, "PodPending")])
def test_a_wait_that_can_pass_is_reported_after_a_minute(seconds: float, reason: str) -> None:
    assert observe_task("u", job_started(job(), at=later(0)), [], later(seconds)).reason == reason


@pytest.mark.parametrize("pods", [None, []], ids=["not read yet", "none"])
def test_nothing_is_told_of_a_job_that_has_not_begun_or_whose_pods_were_not_read(pods: list[Manifest] | None) -> None:
    assert observe_task("u", job(), pods, later(WAITING)).reason == ""
    assert observe_task("u", job_started(job(), at=later(0)), None, later(1)).reason == ""
