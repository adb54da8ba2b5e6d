# SPDX-License-Identifier: Apache-2.0
"""A container that continues beside a task that has ended: it is named within a minute."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import sidecars
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import job_started, later, make, pod_of, terminated

JOB = job_started(make(JOBS, "golden", spec={"backoffLimit": 2}), at=later(0))
RUNNING: Manifest = {"running": {}}
DONE = terminated(finished=later(12))
FAILED = terminated('{"reason": "DataNotFound", "message": "nothing there"}', exit_code=3, finished=later(12))


def pod(main: Manifest = DONE, side: Manifest = RUNNING, *, native: bool = False) -> Manifest:
    made = pod_of(JOB, phase="Running", main=main)
    statuses = made["status"].setdefault("initContainerStatuses" if native else "containerStatuses", [])
    statuses.append({"name": "istio-proxy", "state": side})
    return made


@pytest.mark.parametrize(
    ("second", "found", "reason"),
    [
        (56, pod(), ""),
        (57, pod(), "SidecarRunning"),
        (600, pod(), "SidecarRunning"),
        (600, pod(FAILED), "SidecarRunning"),
        (600, pod(RUNNING), ""),
        (600, pod(DONE, terminated()), ""),
        (600, pod(native=True), ""),
    ],
)
def test_a_task_names_it_45_seconds_after_its_end(second: int, found: Manifest, reason: str) -> None:
    state = observe_task("u", JOB, [found], later(second))
    assert (state.phase, state.reason, state.kept) == (TaskPhase.PENDING, reason, bool(reason))
    assert state.next_look is not None
    assert state.next_look <= 8.1


def test_the_message_names_pod_container_and_what_to_do_and_stays_the_same() -> None:
    state = observe_task("u", JOB, [pod()], later(57))
    assert state.message == (
        "container main of pod golden-0-x7k2p ended at 2026-01-01T12:00:12Z, but container istio-proxy continues, so"
        " the task does not end: set taskPods.labels or annotations by which its injector stays out, or let it inject a"
        " native sidecar (an init container with restartPolicy: Always)"
    )
    assert observe_task("u", JOB, [pod()], later(90)).message == state.message


def test_the_cause_of_a_failure_is_not_hidden_by_it() -> None:
    state = observe_task("u", JOB, [pod(FAILED)], later(57))
    assert "failed (DataNotFound: nothing there) at 2026-01-01T12:00:12Z" in state.message


def test_it_is_within_a_minute_even_where_the_pod_was_read_just_before() -> None:
    longest = observe_task("u", JOB, [pod()], later(56)).next_look
    assert longest is not None
    assert sidecars.PATIENCE + 8.0 < 60.0
