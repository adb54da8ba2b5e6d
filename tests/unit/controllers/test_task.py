"""A task's Job as its parent's plan sees it."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.jobs import NO_POD
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import job_started, later, make

WAITING = 6
"""Seconds: long enough for the pods to be read."""


def job() -> Manifest:
    return make(JOBS, "check", spec={"template": {}})


def test_pods_that_are_refused_one_by_one_are_told() -> None:
    state = observe_task("u", job_started(job(), at=later(0)), [], later(WAITING))
    assert (state.phase, state.reason, state.message) == (TaskPhase.PENDING, NO_POD.reason, NO_POD.message)
    assert state.next_look is not None


@pytest.mark.parametrize("pods", [None, []], ids=["not read yet", "none"])
def test_nothing_is_told_of_a_job_that_has_not_begun_or_whose_pods_were_not_read(pods: list[Manifest] | None) -> None:
    assert observe_task("u", job(), pods, later(WAITING)).reason == ""
    assert observe_task("u", job_started(job(), at=later(0)), None, later(1)).reason == ""
