# SPDX-License-Identifier: Apache-2.0
"""A result that was complete before its pod was told to stop counts, however the program ended afterwards."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.trainingjob.policies import stopping
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from tests.unit.controllers.builders import job_ended, later, make, succeeded_pod, terminated
from tests.unit.controllers.trainingjob.driver import Run, begin, model_artifact
from tests.unit.controllers.trainingjob.pods import pods_are, rank, stopped, taken, terminating

SIGNAL = 25.0
"""When the pods are told to stop."""

SIGTERM = 143
FIELDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "model": {"model": "m"},
    "output": {"output": {"uri": "pvc://store/out"}},
}
KINDS = list(FIELDS)


def begun(kind: str, **spec: Any) -> Run:
    """A training that runs: without a result that it owes, for a Model, or with an output."""
    run = begin(make(MODELS, "m", spec={}), **FIELDS[kind], **spec)
    run.at(2).job_runs(ready=spec.get("replicas", 1))
    return run


def evicted(run: Run, *, complete: float | None, exit_code: int = SIGTERM, index: int | None = None) -> Manifest:
    """The evicted pod, which ended 2 s after the signal; its result was complete at `complete`."""
    time: dict[str, Any] = {} if complete is None else {"time": timestamp(later(complete))}
    document = run.result(**time) if index else run.result(metrics={"f1": 0.5}, artifacts=[model_artifact()], **time)
    pod = succeeded_pod(run.job, index=index)
    pod["status"]["phase"] = "Failed" if exit_code else "Succeeded"
    ended = terminated(document, exit_code=exit_code, finished=later(SIGNAL + 2))
    pod["status"]["containerStatuses"][0]["state"] = ended
    return taken(pod, SIGNAL, reason="EvictionByEvictionAPI")


def attempts(run: Run) -> list[str]:
    return [entry["outcome"] for entry in run.status["attempts"] if entry.get("outcome")]


def by_policy(job: Manifest) -> Manifest:
    """The Job that Kubernetes failed because of the disruption."""
    found = job_ended(job, at=later(SIGNAL + 3), succeeded=False)
    found["status"]["conditions"][0]["reason"] = "PodFailurePolicy"
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exit_code", [0, SIGTERM, 137])
@pytest.mark.parametrize(
    ("complete", "outcome"),
    [(24, "Succeeded"), (25, "Disrupted"), (26, "Disrupted"), (None, "Disrupted")],
    ids=["before", "in the same second", "after", "at no time"],
)
def test_a_result_counts_if_it_was_complete_before_the_signal(
    kind: str, exit_code: int, complete: float | None, outcome: str
) -> None:
    run = begun(kind)
    pods_are(run, evicted(run, complete=complete, exit_code=exit_code))
    run.cluster.store(by_policy(run.job) if exit_code else job_ended(run.job, at=later(SIGNAL + 3)))
    run.at(SIGNAL + 4).settle()
    assert attempts(run) == [outcome]
    assert (run.status.get("metrics") == {"f1": 0.5}) is (outcome == "Succeeded")
    versions = run.cluster.world.all(MODEL_VERSIONS)
    assert len(versions) == (1 if kind == "model" and outcome == "Succeeded" else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_counts_when_the_stop_has_begun_and_its_pod_is_gone_at_the_end(kind: str) -> None:
    run = begun(kind)
    running = taken(rank(run.job, 0), SIGNAL, reason="EvictionByEvictionAPI")
    pods_are(run, running)
    run.cluster.store(terminating(run.job))
    run.at(SIGNAL + 1).settle()
    assert run.job["spec"]["suspend"] is True
    pods_are(run, evicted(run, complete=SIGNAL - 5))
    run.at(SIGNAL + 3).settle()
    assert run.status["finishedRanks"]["indexes"] == "0"
    pods_are(run)
    run.cluster.store(stopped(run.job))
    run.at(SIGNAL + 5).settle()
    assert attempts(run) == ["Succeeded"]
    assert run.status["metrics"] == {"f1": 0.5}
    assert "finishedRanks" not in run.status
    assert len(run.cluster.world.all(JOBS)) == 1


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("complete", [True, False])
def test_each_rank_owes_a_complete_result(late: int, complete: bool) -> None:
    run = begun("model", replicas=2)
    moments = {late: SIGNAL - 1 if complete else None, 1 - late: SIGNAL - 5}
    pods_are(run, *(evicted(run, complete=moments[index], index=index) for index in range(2)))
    run.cluster.store(by_policy(run.job))
    run.at(SIGNAL + 4).settle()
    assert attempts(run) == ["Succeeded" if complete else "Disrupted"]


def test_a_rank_that_had_finished_does_not_stop_the_others() -> None:
    run = begun("model", replicas=2)
    pods_are(run, evicted(run, complete=SIGNAL - 5, exit_code=0, index=0), rank(run.job, 1))
    run.cluster.store(terminating(run.job, ready=1))
    run.at(SIGNAL + 3).settle()
    assert not run.job["spec"].get("suspend")
    pods_are(run, succeeded_pod(run.job, index=1))
    run.cluster.store(job_ended(run.job, at=later(60)))
    run.at(60).settle()
    assert attempts(run) == ["Succeeded"]
    assert run.status["metrics"] == {"f1": 0.5}


def test_a_result_of_another_run_is_no_evidence() -> None:
    run = begun("model")
    pod = evicted(run, complete=SIGNAL - 5)
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    state["message"] = state["message"].replace("uid-of-digits-0", "uid-of-digits-1")
    pods_are(run, pod)
    run.cluster.store(by_policy(run.job))
    run.at(SIGNAL + 4).settle()
    assert attempts(run) == ["Disrupted"]


def test_a_program_that_fails_by_itself_after_its_result_has_failed() -> None:
    run = begun("model", backoffLimit=0)
    pod = evicted(run, complete=SIGNAL - 5, exit_code=1)
    del pod["metadata"]["deletionTimestamp"]
    pod["status"]["conditions"] = []
    pods_are(run, pod)
    run.cluster.store(job_ended(run.job, at=later(SIGNAL + 3), succeeded=False))
    run.at(SIGNAL + 4).settle()
    assert attempts(run) == ["Failed"]


def test_the_stop_costs_one_status_write_more_for_a_kept_result() -> None:
    run = begun("plain")
    writes = len(run.cluster.writes)
    pods_are(run, evicted(run, complete=SIGNAL - 5, exit_code=0))
    run.cluster.store(terminating(run.job))
    run.at(SIGNAL + 3).settle()
    assert len(run.cluster.writes) == writes + 1


@pytest.mark.parametrize(("age", "often"), [(-6, False), (-5, True), (0, True), (5, True), (6, False), (7, False)])
def test_pods_are_read_often_for_some_seconds_after_the_signal(age: float, often: bool) -> None:
    run = begun("plain")
    pods = [taken(rank(run.job, 0), SIGNAL, reason="EvictionByEvictionAPI")]
    later_by = stopping.next_look(pods, namespace="team-a", now=later(SIGNAL + age))
    assert (later_by <= 0.5) is often
    assert later_by > 0


def test_pods_that_were_not_told_to_stop_are_not_read_often() -> None:
    run = begun("plain")
    assert stopping.next_look([rank(run.job, 0)], namespace="team-a", now=later(SIGNAL)) > 0.5


def test_pods_are_read_often_after_the_last_signal_of_several() -> None:
    run = begun("plain", replicas=2)
    signals = {0: SIGNAL, 1: SIGNAL - 10}
    pods = [taken(rank(run.job, index), at, reason="EvictionByEvictionAPI") for index, at in signals.items()]
    assert stopping.next_look(pods, namespace="team-a", now=later(SIGNAL + 5)) == 0.5
