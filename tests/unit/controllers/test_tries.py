# SPDX-License-Identifier: Apache-2.0
"""What is told of a task whose try has failed, while the next one runs."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import tries
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.identity import stamped
from tests.unit.controllers.builders import (
    NO_NODE,
    failed_pod,
    job_ended,
    job_started,
    later,
    make,
    pod_of,
    terminated,
)
from tests.unit.controllers.lost import deleted
from tests.unit.controllers.nodes import unscheduled

JOB = make(JOBS, "golden", spec={"backoffLimit": 2})
TIMED_OUT = '{"reason": "EndpointUnavailable", "message": "http://digits-candidate: timed out"}'
TOLD = "try 1 of 3 failed: EndpointUnavailable: http://digits-candidate: timed out"
NOWHERE = "no node can run the pod: node(s) didn't match Pod's node affinity/selector"
DISRUPTION: Manifest = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def failed(second: int, message: str = TIMED_OUT, *, exit_code: int = 7, **rest: Any) -> Manifest:
    """A pod that was made at and failed a second after this moment."""
    pod = failed_pod(JOB, message, exit_code=exit_code, **rest)
    pod["metadata"] |= {"name": f"try-{second}", "creationTimestamp": f"2026-01-01T12:00:{second:02}Z"}
    ended = terminated(message, exit_code=exit_code, finished=later(second + 1))
    pod["status"]["containerStatuses"][0]["state"] = ended
    return pod


def next_try(**status: Any) -> Manifest:
    return {
        **pod_of(JOB, **status),
        "metadata": {**pod_of(JOB)["metadata"], "creationTimestamp": "2026-01-01T12:00:50Z"},
    }


def test_a_failed_try_is_told_while_the_next_one_runs() -> None:
    job = job_started(JOB, at=later(0), ready=1, failed=1)
    state = observe_task("u", job, [failed(0), next_try(phase="Running")], later(300))
    assert (state.phase, state.reason, state.message) == (TaskPhase.RUNNING, "Retrying", TOLD)
    assert state.next_look is None


@pytest.mark.parametrize("pods", [[], [next_try()]], ids=["before the next pod", "while it starts"])
def test_between_two_tries_the_same_is_told(pods: list[Manifest]) -> None:
    job = job_started(JOB, at=later(0), failed=1)
    state = observe_task("u", job, [failed(40), *pods], later(60))
    assert (state.phase, state.reason, state.message) == (TaskPhase.PENDING, "Retrying", TOLD)


def test_the_second_try_has_its_own_time_to_start() -> None:
    """The Job is an hour old; the pod of its second try has waited for ten seconds."""
    job = job_started(JOB, at=later(-3600), failed=1)
    starting = next_try()
    starting["status"]["containerStatuses"] = [{"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}]
    assert observe_task("u", job, [failed(48), starting], later(59)).reason == "Retrying"
    late = observe_task("u", job, [failed(48), starting], later(49 + 60))
    assert (late.reason, late.message.endswith(f"; {TOLD}")) == ("PodPending", True)


def test_what_keeps_the_next_try_comes_first_and_the_last_cause_ends_the_message() -> None:
    job = job_started(JOB, at=later(0), failed=1)
    state = observe_task("u", job, [failed(40), next_try(conditions=[unscheduled(NO_NODE)])], later(60))
    assert (state.reason, state.message) == ("Unschedulable", f"{NOWHERE}; {TOLD}")


def test_the_newest_try_that_failed_is_told() -> None:
    job = job_started(JOB, at=later(0), ready=1, failed=2)
    newer = failed(20, '{"reason": "DataNotFound", "message": "nothing there"}')
    state = observe_task("u", job, [newer, failed(0)], later(60))
    assert state.message == "try 2 of 3 failed: DataNotFound: nothing there"


def test_a_pod_that_was_taken_away_is_no_failed_try() -> None:
    evicted = failed(30, "", exit_code=137, conditions=[DISRUPTION])
    running = job_started(JOB, at=later(0), ready=1)
    taken = "disruption 1, which uses up no try: Evicted: pod try-30 was evicted, as a drain of the node does"
    assert observe_task("u", running, [evicted], later(60)).message == taken
    after = job_started(JOB, at=later(0), ready=1, failed=1)
    assert observe_task("u", after, [failed(0), evicted], later(60)).message == f"{TOLD}; {taken}"


def test_a_failed_pod_that_is_gone_still_counts() -> None:
    state = observe_task("u", job_started(JOB, at=later(0), ready=1, failed=1), [], later(60))
    assert state.message == "try 1 of 3 failed: its pod was deleted"


def test_nothing_is_told_of_pods_that_were_not_read() -> None:
    assert observe_task("u", job_started(JOB, at=later(0), ready=1, failed=1), None, later(60)).reason == ""


EVICTED = {"reason": "Evicted", "message": 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".'}
LIMIT = "Job has reached the specified backoff limit"


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        (failed(0), ("EndpointUnavailable", "http://digits-candidate: timed out")),
        (failed(0, "words", exit_code=3), ("Error", "words")),
        (failed(0, "", exit_code=137), ("Error", LIMIT)),
        (failed(0, "", exit_code=137, status=EVICTED), ("Evicted", EVICTED["message"])),
        (pod_of(JOB, phase="Failed"), ("Failed", LIMIT)),
        (pod_of(JOB, phase="Running"), ("BackoffLimitExceeded", LIMIT)),
    ],
    ids=["the workload's words", "any words", "no words", "the kubelet's words", "nothing tells", "no failed pod"],
)
def test_the_pod_tells_of_a_failure_before_the_job_does(pod: Manifest, told: tuple[str, str]) -> None:
    state = observe_task("u", job_ended(JOB, at=later(3), succeeded=False), [pod], later(4))
    assert (state.phase, (state.reason, state.message)) == (TaskPhase.FAILED, told)


def test_a_task_that_ran_too_long_says_so_with_its_last_cause() -> None:
    job = job_ended(JOB, at=later(1800), succeeded=False)
    late = {"reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
    job["status"]["conditions"][0] |= late
    state = observe_task("u", job, [failed(0)], later(1810))
    assert state.reason == "DeadlineExceeded"
    assert state.message.startswith(late["message"])
    assert state.message.endswith("EndpointUnavailable: http://digits-candidate: timed out")
    stopped = failed(30, "", exit_code=137)
    stopped["metadata"]["deletionTimestamp"] = "2026-01-01T12:30:00Z"
    assert observe_task("u", job, [failed(0), stopped], later(1810)) == state
    assert observe_task("u", job, [stopped], later(1810)).message == late["message"]


def test_a_task_whose_pods_were_taken_away_until_its_deadline_says_so() -> None:
    job = job_ended(JOB, at=later(1800), succeeded=False)
    job["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "too long"}
    state = observe_task("u", job, [failed(0, "", exit_code=137, conditions=[DISRUPTION])], later(1810))
    taken = "disruption 1, which uses up no try: Evicted: pod try-0 was evicted, as a drain of the node does"
    assert state.message == f"too long; before that: {taken}"


# -- a result that was lost ----------------------------------------------------------------------


def test_a_task_runs_again_under_its_own_name_and_counts() -> None:
    first = job_ended(JOB, at=later(3))
    delete, create = tries.run_again(first, {"kind": "Job", "metadata": {"name": "golden", "annotations": {"a": "b"}}})
    assert (delete.name, delete.uid) == ("golden", JOB["metadata"]["uid"])  # type: ignore[union-attr]
    metadata = create.manifest["metadata"]  # type: ignore[union-attr]
    assert metadata["annotations"] == {"a": "b", "mlops-operator.io/lost-results": "1"}
    second = {**job_ended(JOB, at=later(3)), "metadata": {**JOB["metadata"], "annotations": metadata["annotations"]}}
    assert tries.lost_results(second) == 1
    assert "(2 of at most 3 times)" in observe_task("u", second, [], later(9)).message
    going = {**second, "metadata": {**second["metadata"], "deletionTimestamp": "2026-01-01T12:00:03Z"}}
    assert tries.run_again(going, {"metadata": {}}) == ()


def test_why_it_runs_again_stays_while_it_runs() -> None:
    again = {**JOB, "metadata": {**JOB["metadata"], "annotations": {"mlops-operator.io/lost-results": "1"}}}
    lost = observe_task("u", job_ended(JOB, at=later(3)), [], later(9))
    running = observe_task("u", job_started(again, at=later(9), ready=1), None, later(20))
    assert (running.reason, running.message) == (lost.reason, lost.message)


@pytest.mark.parametrize(
    ("pods", "lost"),
    [
        ([], True),
        ([pod_of(JOB, phase="Succeeded")], True),
        ([pod_of(JOB, phase="Succeeded", main=terminated("result"))], False),
        ([pod_of(JOB, phase="Succeeded", main=terminated(""))], False),
        ([pod_of(JOB, phase="Succeeded", main=terminated(""), conditions=[DISRUPTION])], True),
        ([pod_of(JOB, phase="Succeeded", main=terminated("result"), conditions=[DISRUPTION])], False),
        ([deleted(pod_of(JOB, phase="Succeeded", main=terminated("")), later(30))], True),
        ([deleted(pod_of(JOB, phase="Succeeded", main=terminated("result")), later(30))], False),
    ],
    ids=[
        *("no pod", "nothing tells of its end", "a result", "an empty result", "disrupted before its result"),
        *("disrupted after its result", "deleted before its result", "deleted after its result"),
    ],
)
def test_a_result_is_lost_with_its_pod_or_where_the_pod_was_told_to_stop(pods: list[Manifest], lost: bool) -> None:
    assert tries.result_lost(pods) is lost


@pytest.mark.parametrize(("before", "again"), [(0, True), (2, True), (3, False)])
def test_a_lost_result_is_awaited_again_three_times(before: int, again: bool) -> None:
    annotations = {"mlops-operator.io/lost-results": str(before)} if before else {}
    job = {**JOB, "metadata": {**JOB["metadata"], "annotations": annotations}}
    said = tries.lost_message(job)
    assert said == (
        f"the result of the task was lost with its pod, so it runs again ({before + 1} of at most 3 times)"
        if again
        else "the pod was deleted: its result cannot be read; the task has run 4 times"
    )


def test_a_job_is_corrected_where_another_one_would_be_made_today() -> None:
    manifest = make(JOBS, "golden", spec={"backoffLimit": 2})
    job = stamped(manifest)
    assert tries.correction(job, manifest) == ()
    delete, create = tries.correction(job, make(JOBS, "golden", spec={"backoffLimit": 3}))
    assert (type(delete).__name__, type(create).__name__) == ("Delete", "Create")
