# SPDX-License-Identifier: Apache-2.0
"""What a Job and its pods tell: how far it is, how it ended."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import (
    NOW,
    job_started,
    make,
    pod_of,
    terminated,
)

JOB = make(JOBS, "job", spec={})
TASK = make(JOBS, "job", spec={"backoffLimit": 2})


@pytest.mark.parametrize(("failed", "followed"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_the_last_try_that_fails_is_followed_by_none(failed: int, followed: int) -> None:
    assert jobs.failed_tries(job_started(TASK, at=NOW, failed=failed)) == followed


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ({}, "Pending"),
        ({"ready": 2}, "Pending"),
        ({"ready": 3}, "Running"),
        ({"ready": 1, "succeeded": 1}, "Pending"),
        ({"ready": 1, "succeeded": 2}, "Running"),
        ({"succeeded": 3}, "Pending"),
    ],
)
def test_a_job_runs_where_each_rank_runs_or_has_ended_well_and_one_runs(status: Manifest, phase: str) -> None:
    job = {**make(JOBS, "job", spec={"completions": 3}), "status": status}
    assert jobs.job_phase(job) == phase


def test_a_job_says_of_which_generation_it_is() -> None:
    marked = make(JOBS, "job", spec={}, labels={"mlops-operator.io/generation": "3"})
    assert (jobs.generation_of(marked, 7), jobs.generation_of(JOB, 7)) == (3, 7)
    assert jobs.generation_of({"metadata": {"name": "job"}}, 7) == 7


def pod(name: str, phase: str, *, second: int, index: int = 0) -> Manifest:
    found = pod_of(JOB, phase=phase, index=index)
    found["metadata"] |= {"name": name, "creationTimestamp": f"2026-01-01T12:00:{second:02}Z"}
    return found


def test_the_newest_finished_pod_of_the_first_replica_tells_how_it_ended() -> None:
    pods = [
        pod("failed", "Failed", second=1),
        pod("succeeded", "Succeeded", second=2),
        pod("failed-before", "Failed", second=0),
        pod("running", "Running", second=3),
        pod("of-the-second", "Succeeded", second=4, index=1),
    ]
    found = jobs.first_replica(pods)
    assert found is not None
    assert found["metadata"]["name"] == "succeeded"


def test_without_a_finished_pod_the_newest_of_the_first_replica_tells() -> None:
    found = jobs.first_replica([pod("old", "Pending", second=1), pod("new", "Running", second=2)])
    assert found is not None
    assert found["metadata"]["name"] == "new"
    assert jobs.first_replica([pod("of-the-second", "Succeeded", second=4, index=1)]) is None


@pytest.mark.parametrize(("kind", "status"), [("Failed", "False"), ("FailureTarget", "True")])
def test_a_failed_job_is_told_by_its_own_condition(kind: str, status: str) -> None:
    other = {"type": kind, "status": status, "reason": "Other", "message": "other"}
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too late"}
    job = {**JOB, "status": {"conditions": [other, failed]}}
    assert jobs.failure_message(job) == ("DeadlineExceeded", "too late")
    assert jobs.failure_message(JOB) == ("Failed", "")


KILLED = terminated(exit_code=137, reason="Error")


def with_init(pod: Manifest, state: Manifest, **container: str) -> Manifest:
    """The pod with one more init container, `proxy`, in this state."""
    pod["spec"]["initContainers"] = [{"name": "proxy", "image": "example/proxy:1", **container}]
    pod["status"]["initContainerStatuses"] = [{"name": "proxy", "started": False, "state": state}]
    return pod


@pytest.mark.parametrize("code", [0, 3])
def test_a_native_sidecar_that_was_killed_does_not_tell_how_the_run_ended(code: int) -> None:
    main = pod_of(JOB, phase="Failed" if code else "Succeeded", main=terminated("words", exit_code=code))
    ended = jobs.pod_termination(with_init(main, KILLED, restartPolicy="Always"))
    assert ended is not None
    assert (ended.exit_code, ended.message) == (code, "words")


def test_a_native_sidecar_that_has_ended_is_no_end_of_a_run_that_goes_on() -> None:
    running = pod_of(JOB, phase="Running", main={"running": {}})
    assert jobs.pod_termination(with_init(running, KILLED, restartPolicy="Always")) is None


@pytest.mark.parametrize("container", [{}, {"restartPolicy": "Never"}], ids=["the pod's policy", "its own"])
def test_an_init_container_that_failed_is_the_end_of_the_run(container: dict[str, str]) -> None:
    waiting = pod_of(JOB, phase="Failed", main={"waiting": {"reason": "PodInitializing"}})
    ended = jobs.pod_termination(with_init(waiting, terminated("no such data", exit_code=4), **container))
    assert ended is not None
    assert (ended.exit_code, ended.message) == (4, "no such data")


SUSPENDED = {"conditions": [{"type": "Suspended", "status": "True"}]}


@pytest.mark.parametrize(
    ("status", "may_run"),
    [
        (None, True),
        ({"conditions": [{"type": "Suspended", "status": "False"}]}, True),
        (SUSPENDED, False),
        ({**SUSPENDED, "active": 1}, True),
        ({**SUSPENDED, "terminating": 1}, True),
        ({**SUSPENDED, "active": 0, "terminating": 0}, False),
        ({"conditions": [{"type": "Failed", "status": "True"}]}, False),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, False),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}]}, True),
    ],
    ids=str,
)
def test_a_pod_may_run_until_the_end_or_until_the_suspension_is_seen_and_the_last_one_has_gone(
    status: Manifest | None, may_run: bool
) -> None:
    assert jobs.may_run({**JOB, "status": status}) is may_run
