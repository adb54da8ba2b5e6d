# SPDX-License-Identifier: Apache-2.0
"""Pods of a task that were taken away or could not connect: counted once each, told until its end, no failed try."""

import json
from typing import Any

import pytest

from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs, task_disruptions
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.controllers.shared.task_disruptions import (
    ANNOTATION,
    ANNOTATION_CONNECTIONS,
    RETRIED,
    keep,
    observed,
)
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import Patch
from tests.unit.controllers.builders import failed_pod, job_ended, job_started, later, make, pod_of, terminated
from tests.unit.controllers.lost import by_the_cluster, deleted, silent

JOB = job_started(make(JOBS, "golden", spec={"backoffLimit": 2}), at=later(0))
RUNNING = {**JOB, "status": {**JOB["status"], "ready": 1}}
EVICTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def evicted(second: int, name: str = "p") -> Manifest:
    """A pod made at and drained a second after this moment, with 30 s to end."""
    pod = pod_of(JOB, phase="Running", main={"running": {}})
    pod["metadata"] |= {"name": name, "uid": f"{name}-{second}", "creationTimestamp": timestamp(later(second))}
    pod["spec"]["nodeName"] = "worker-2"
    pod["status"]["conditions"] = [{**EVICTED, "lastTransitionTime": timestamp(later(second + 1))}]
    return deleted(pod, later(second + 31))


def after(job: Manifest, *pods: Manifest) -> Manifest:
    """The Job once it keeps what these pods tell."""
    (patch,) = keep(job, observed(job, pods))
    assert isinstance(patch, Patch)
    annotations = {**(job["metadata"].get("annotations") or {}), **patch.body["metadata"]["annotations"]}
    return {**job, "metadata": {**job["metadata"], "annotations": annotations}}


def told(count: int, name: str = "p") -> str:
    words = f"Evicted: pod {name} was evicted from node worker-2, as a drain of the node does"
    return f"disruption {count}, which uses up no try: {words}"


def test_it_is_told_while_the_pod_ends_and_on_until_the_task_ends() -> None:
    ending = observe_task("u", JOB, [evicted(10)], later(20))
    assert (ending.phase, ending.reason, ending.message) == (TaskPhase.PENDING, "Retrying", told(1))
    kept = after(JOB, evicted(10))
    assert observe_task("u", kept, [], later(45)).message == told(1)
    running = observe_task("u", {**kept, "status": RUNNING["status"]}, None, later(50))
    assert (running.phase, running.reason, running.message) == (TaskPhase.RUNNING, "Retrying", told(1))


def test_the_job_keeps_it_for_one_write() -> None:
    assert len(observe_task("u", JOB, [evicted(10)], later(20)).keeping) == 1
    kept = after(JOB, evicted(10))
    assert observe_task("u", kept, [evicted(10)], later(20)).keeping == ()
    assert observe_task("u", kept, [], later(45)).keeping == ()
    assert observe_task("u", JOB, None, later(20)).keeping == ()


def test_each_pod_counts_once_however_long_it_is_there() -> None:
    kept = after(JOB, evicted(10))
    pods = [evicted(50, "q"), evicted(10)]
    assert observe_task("u", kept, pods, later(60)).message == told(2, "q")
    assert observe_task("u", after(kept, *pods), pods, later(60)).message == told(2, "q")
    assert str(observed(JOB, pods)) == told(2, "q")


def test_a_pod_of_the_same_second_counts_as_well() -> None:
    kept = after(JOB, evicted(10))
    assert str(observed(kept, [evicted(10), evicted(10, "q")])) == told(2, "q")


def test_a_pod_that_is_not_deleted_yet_was_taken_when_it_was_told_so() -> None:
    told_only = evicted(10)
    del told_only["metadata"]["deletionTimestamp"]
    found = observed(JOB, [told_only])
    assert found is not None
    assert found.time == timestamp(later(11))
    del told_only["status"]["conditions"][0]["lastTransitionTime"]
    found = observed(JOB, [told_only])
    assert found is not None
    assert found.time == timestamp(later(10)), "at the latest when it was made"


def test_a_pod_that_a_person_deletes_is_a_failed_try_by_the_job_and_no_disruption() -> None:
    plain = deleted(pod_of(JOB, phase="Running", main={"running": {}}), later(40))
    assert observed(JOB, [plain]) is None


def test_a_job_that_is_being_deleted_keeps_nothing_more() -> None:
    going = {**JOB, "metadata": {**JOB["metadata"], "deletionTimestamp": timestamp(later(1))}}
    assert keep(going, observed(going, [evicted(10)])) == ()


def test_a_task_of_a_lost_node_is_told_as_one() -> None:
    pod = pod_of(JOB, phase="Running", main={"running": {}})
    taken = by_the_cluster(deleted(silent(pod, later(90)), later(420)), later(390))
    state = observe_task("u", JOB, [taken], later(391))
    assert state.reason == "NodeLost"
    assert "disruption 1, which uses up no try: NodeLost: pod golden-0-x7k2p was removed from node" in state.message


def test_the_next_pod_has_its_own_time_to_start() -> None:
    """The Job is an hour old; the pod that follows waits since the former one was to be gone."""
    old = {**JOB, "status": {**JOB["status"], "startTime": timestamp(later(-3600))}}
    kept = after(old, evicted(10))
    creating = pod_of(JOB, main={"waiting": {"reason": "ContainerCreating"}})
    assert observe_task("u", kept, [creating], later(100)).reason == "Retrying"
    late = observe_task("u", kept, [creating], later(41 + 60))
    assert (late.reason, late.message.endswith(f"; {told(1)}")) == ("PodPending", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"count": "0"}',
        '{"count": "1"}',
        '{"count": "1", "time": "soon"}',
        '{"count": 1, "time": null}',
    ],
)
def test_what_somebody_else_wrote_there_is_no_disruption(text: str) -> None:
    job: dict[str, Any] = {**JOB, "metadata": {**JOB["metadata"], "annotations": {ANNOTATION: text}}}
    assert task_disruptions.observed(job, []) is None
    assert str(observed(job, [evicted(10)])) == told(1)


CONNECTING = {**JOB, "metadata": {**JOB["metadata"], "annotations": {ANNOTATION_CONNECTIONS: RETRIED}}}
CLOSED = (
    "plus-candidate.team-a.svc:80: connection timed out; a NetworkPolicy that does not allow it is one possible cause"
)


def unconnected(second: int, *, exit_code: int = CONNECTION_FAILED_EXIT_CODE) -> Manifest:
    """A pod made at a second after this moment that could not connect for 21 s."""
    message = json.dumps({"reason": "ConnectionFailed", "message": CLOSED})
    pod = failed_pod(JOB, message, exit_code=exit_code)
    pod["metadata"] |= {"name": f"p{second}", "uid": f"p{second}", "creationTimestamp": timestamp(later(second))}
    ended = terminated(message, exit_code=exit_code, finished=later(second + 21))
    pod["status"]["containerStatuses"][0]["state"] = ended
    return pod


def closed(count: int) -> str:
    return f"failed connection {count}, which uses up no try: ConnectionFailed: {CLOSED}"


def test_a_failed_connection_is_told_and_kept_while_the_next_pod_waits_and_runs() -> None:
    waiting = observe_task("u", CONNECTING, [unconnected(0)], later(23))
    assert (waiting.phase, waiting.reason, waiting.message) == (TaskPhase.PENDING, "Retrying", closed(1))
    kept = after(CONNECTING, unconnected(0))
    running = observe_task("u", {**kept, "status": RUNNING["status"]}, None, later(40))
    assert (running.phase, running.reason, running.message) == (TaskPhase.RUNNING, "Retrying", closed(1))
    assert observe_task("u", kept, [unconnected(0)], later(40)).keeping == ()
    assert observe_task("u", kept, [unconnected(0), unconnected(32)], later(60)).message == closed(2)


def test_disruptions_and_failed_connections_are_counted_each_in_a_row() -> None:
    assert str(observed(CONNECTING, [unconnected(0), evicted(30)])) == told(1)
    assert str(observed(CONNECTING, [evicted(0), unconnected(30), unconnected(60)])) == closed(2)


def test_the_next_pod_after_a_failed_connection_has_its_own_time_to_start() -> None:
    kept = after({**CONNECTING, "status": {**JOB["status"], "startTime": timestamp(later(-3600))}}, unconnected(0))
    creating = pod_of(JOB, main={"waiting": {"reason": "ContainerCreating"}})
    assert observe_task("u", kept, [creating], later(21 + 59)).reason == "Retrying"
    assert observe_task("u", kept, [creating], later(21 + 60)).reason == "PodPending"


def test_a_connection_that_fails_is_a_failed_try_where_the_job_counts_it() -> None:
    assert observed(JOB, [unconnected(0)]) is None
    failed = {**JOB, "status": {**JOB["status"], "failed": 1}}
    assert observe_task("u", failed, [unconnected(0)], later(23)).message == (
        f"try 1 of 3 failed: ConnectionFailed: {CLOSED}"
    )
    assert observed(CONNECTING, [unconnected(0, exit_code=9)]) is None


def test_it_is_not_taken_for_the_try_that_failed() -> None:
    job = {**CONNECTING, "status": {**JOB["status"], "failed": 1}}
    state = observe_task("u", job, [unconnected(0, exit_code=9), unconnected(40)], later(62))
    assert state.message == f"try 1 of 3 failed: ConnectionFailed: {CLOSED}; {closed(1)}"


def test_foreign_code_that_ends_with_that_code_is_a_failed_try() -> None:
    pod = unconnected(0)
    pod["metadata"]["annotations"] = {jobs.ANNOTATION_FOREIGN: "main"}
    assert observed(CONNECTING, [pod]) is None


def test_the_deadline_of_a_task_tells_the_connection() -> None:
    job = job_ended(CONNECTING, at=later(1800), succeeded=False)
    job["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "Job was active too long"}
    state = observe_task("u", job, [unconnected(0)], later(1801))
    assert state.message == f"Job was active too long; before that: {closed(1)}"
