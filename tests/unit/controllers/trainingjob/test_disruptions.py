# SPDX-License-Identifier: Apache-2.0
"""Pods that are taken away: no success, no failure, another attempt at once, and none beside one that may run."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.controllers.trainingjob.policies import stopping
from mlops_operator.controllers.trainingjob.policies.failure import cause, gone
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from tests.unit.controllers.builders import (
    condition,
    failed_pod,
    job_ended,
    job_started,
    later,
    make,
    pod_of,
    succeeded_pod,
    terminated,
)
from tests.unit.controllers.trainingjob.driver import Run, begin, model_artifact
from tests.unit.controllers.trainingjob.pods import RUNNING, pods_are, rank, stopped, taken, terminating


def evicted(**spec: Any) -> Run:
    """A run of which rank 1 (or the only pod) was evicted after 25 s."""
    run = begin(**spec)
    run.at(2).job_runs(ready=spec.get("replicas", 1))
    job = run.job
    if spec.get("replicas", 1) > 1:
        pods_are(run, rank(job, 0), taken(rank(job, 1), 25, reason="EvictionByEvictionAPI"))
    else:
        gone = pod_of(job, phase="Running", main=RUNNING)
        pods_are(run, taken(gone, 25, reason="EvictionByEvictionAPI"))
    run.cluster.store(terminating(job, ready=spec.get("replicas", 1) - 1))
    run.at(25).settle()
    return run


def test_all_ranks_are_stopped_when_one_is_taken_away_and_not_when_it_has_gone() -> None:
    run = evicted(replicas=2)
    assert run.job["spec"]["suspend"] is True
    ready = condition(run.obj, "Ready")
    assert (run.status["phase"], ready["reason"]) == ("Retrying", "Disrupted")
    assert "rank 1 (pod " in ready["message"]
    assert "was evicted from node worker-1, as a drain of the node does" in ready["message"]


def test_the_next_attempt_waits_for_the_last_pod_and_for_nothing_else() -> None:
    run = evicted(replicas=2)
    job = run.job
    pods_are(run, taken(rank(job, 0), 26), failed_pod(job, exit_code=143, index=1))
    run.cluster.store(stopped(job))
    run.at(40).settle()
    assert len(run.cluster.world.all(JOBS)) == 1
    pods_are(run)
    run.at(56).settle()
    assert [entry["outcome"] for entry in run.status["attempts"]] == ["Disrupted"]
    assert len(run.cluster.world.all(JOBS)) == 2
    assert (run.status["disruptions"], run.status.get("failures", 0)) == (1, 0)


def test_no_attempt_is_made_before_the_job_controller_has_seen_the_stop() -> None:
    run = evicted()
    pods_are(run)
    run.at(27).settle()
    assert len(run.cluster.world.all(JOBS)) == 1


def test_disruptions_have_a_limit_of_their_own() -> None:
    run = begin(backoffLimit=0, disruptionLimit=1)
    for count, at in enumerate((10.0, 200.0)):
        run.at(at).job_runs()
        pods_are(run)
        run.cluster.store(job_ended(run.job, at=later(at + 100), succeeded=False))
        run.at(at + 106).settle()
        assert run.status["disruptions"] == count + 1
    assert run.status["phase"] == "Failed"
    failed = condition(run.obj, "Failed")
    assert failed["reason"] == "DisruptionLimitExceeded"
    assert "2 attempts disrupted, and disruptionLimit is 1" in failed["message"]


def test_a_disruption_is_one_warning() -> None:
    run = evicted()
    pods_are(run)
    run.cluster.store(stopped(run.job))
    run.at(30).settle()
    assert run.events == ["Disrupted"]


@pytest.mark.parametrize("model", [False, True])
@pytest.mark.parametrize("present", [False, True], ids=["its pod was deleted", "its pod is there"])
def test_a_program_that_ends_well_because_it_is_told_to_stop_has_not_succeeded(model: bool, present: bool) -> None:
    run = begin(make(MODELS, "m", spec={}), **({"model": "m"} if model else {}))
    run.at(2).job_runs()
    job = run.job
    pod = succeeded_pod(job, run.result(artifacts=[model_artifact()]) if model else "")
    pod["status"]["containerStatuses"][0]["state"] = terminated("", finished=later(25))
    pods_are(run, *([taken(pod, 25, reason="EvictionByEvictionAPI")] if present else []))
    run.cluster.store(job_ended(job, at=later(26)))
    run.at(32).settle()
    (attempt,) = [entry for entry in run.status["attempts"] if entry.get("outcome")]
    assert attempt["outcome"] == "Disrupted"
    assert attempt["reason"] == ("Evicted" if present else "PodDeleted")
    assert run.cluster.world.all(MODEL_VERSIONS) == []
    assert len(run.cluster.world.all(JOBS)) == 2


@pytest.mark.parametrize(("ended", "outcome"), [(24, "Succeeded"), (25, "Disrupted"), (26, "Disrupted")])
def test_a_pod_that_had_ended_before_it_was_told_to_go_has_succeeded(ended: float, outcome: str) -> None:
    run = begin()
    run.at(2).job_runs()
    pod = succeeded_pod(run.job)
    pod["status"]["containerStatuses"][0]["state"] = terminated("", finished=later(ended))
    pods_are(run, taken(pod, 25, grace=0))
    run.cluster.store(job_ended(run.job, at=later(27)))
    run.at(28).settle()
    assert run.status["attempts"][0]["outcome"] == outcome


def test_each_rank_owes_evidence() -> None:
    run = begin(replicas=2)
    run.at(2).job_runs(ready=2)
    pods_are(run, succeeded_pod(run.job, index=0))
    run.cluster.store(job_ended(run.job, at=later(60)))
    run.at(70).settle()
    attempt = run.status["attempts"][0]
    assert attempt["outcome"] == "Disrupted"
    assert "the pod of rank 1 of Job" in attempt["message"]


def test_what_the_job_alone_tells_is_told_in_plain_words() -> None:
    run = begin(replicas=2)
    run.at(2).job_runs(ready=2)
    pods_are(run, succeeded_pod(run.job, index=0))
    found = job_ended(run.job, at=later(60), succeeded=False)
    pod = f"{run.job['metadata']['name']}-1-x"
    told = f"Pod team-a/{pod} has condition DisruptionTarget matching FailJob rule at index 0"
    found["status"]["conditions"][0] |= {"reason": "PodFailurePolicy", "message": told}
    run.cluster.store(found)
    run.at(66).settle()
    attempt = run.status["attempts"][0]
    assert (attempt["outcome"], attempt["reason"]) == ("Disrupted", "Disrupted")
    assert attempt["message"].startswith(f"Kubernetes removed pod {pod}")


# -- ranks that end before the others ------------------------------------------------------------


def rank_0_has_ended(run: Run, message: str, *, at: float = 30) -> None:
    job = run.job
    pods_are(run, succeeded_pod(job, message, index=0, image_id=f"example/image@sha256:{'b' * 64}"), rank(job, 1))
    begun = job_started(job, at=later(0), ready=1)
    begun["status"]["succeeded"] = 1
    run.cluster.store(begun)
    run.at(at).settle()


def test_a_result_is_kept_when_its_rank_has_ended_and_others_run_on() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m", replicas=2, parameters={"c": 1})
    run.at(2).job_runs(ready=2)
    writes = len(run.cluster.writes)
    rank_0_has_ended(run, run.result(metrics={"accuracy": 0.9}, artifacts=[model_artifact()]))
    assert len(run.cluster.writes) == writes + 1
    pods_are(run, succeeded_pod(run.job, index=1))
    run.cluster.store(job_ended(run.job, at=later(60)))
    run.at(60).settle()
    assert run.status["metrics"] == {"accuracy": 0.9}
    assert "finishedRanks" not in run.status
    lineage = run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]
    assert lineage["parameters"] == {"c": 1}
    assert lineage["image"] == f"example/image@sha256:{'b' * 64}"


def test_of_a_spec_that_was_edited_since_nothing_is_told_as_if_it_had_run() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m", replicas=2, parameters={"c": 1})
    run.at(2).job_runs(ready=2)
    rank_0_has_ended(run, run.result(artifacts=[model_artifact()]))
    run.edit(parameters={"c": 2})
    pods_are(run, succeeded_pod(run.job, index=1))
    run.cluster.store(job_ended(run.job, at=later(60)))
    run.at(60).settle()
    assert "parameters" not in run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]


def test_what_was_kept_is_of_one_attempt() -> None:
    run = begin(replicas=2)
    run.at(2).job_runs(ready=2)
    rank_0_has_ended(run, run.result(metrics={"accuracy": 0.9}))
    pods_are(run, failed_pod(run.job, "bang", index=1))
    run.cluster.store(job_ended(run.job, at=later(60), succeeded=False))
    run.at(60).settle()
    run.at(71).settle()
    run.at(73).job_runs(ready=2)
    pods_are(run, succeeded_pod(run.job, index=1))
    run.cluster.store(job_ended(run.job, at=later(90)))
    run.at(99).settle()
    assert [entry.get("outcome") for entry in run.status["attempts"]][:2] == ["Failed", "Disrupted"]


def test_a_message_that_no_status_can_hold_is_no_result_later() -> None:
    run = begin(replicas=2, output={"uri": "pvc://store/out"})
    run.at(2).job_runs(ready=2)
    rank_0_has_ended(run, "\ud800" + "x" * 5000)
    pods_are(run, succeeded_pod(run.job, index=1))
    run.cluster.store(job_ended(run.job, at=later(60)))
    run.at(60).settle()
    assert condition(run.obj, "Failed")["reason"] == "ResultInvalid"


# -- what is no disruption -----------------------------------------------------------------------


def test_ranks_that_are_taken_away_because_one_failed_are_not_the_cause() -> None:
    run = begin(replicas=2)
    run.at(2).job_runs(ready=2)
    job = run.job
    pods_are(run, taken(rank(job, 0), 26), failed_pod(job, "bang", exit_code=9, index=1))
    run.cluster.store(terminating(job))
    run.at(27).settle()
    assert not run.job["spec"].get("suspend")
    found = cause(job_ended(job, at=later(30), succeeded=False), run.cluster.pods[job["metadata"]["name"]])
    assert (found.disrupted, found.exit_code) == (False, 9)


def test_pods_that_a_suspension_took_away_are_no_disruption() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(10).edit(suspend=True)
    run.job_is_suspended()
    run.at(12).edit(suspend=False)
    old = taken(pod_of(run.job, phase="Running", main=RUNNING), 10)
    pods_are(run, old)
    resumed = job_started(run.job, at=later(13))
    resumed["status"]["terminating"] = 1
    run.cluster.store(resumed)
    run.at(14).settle()
    assert not run.job["spec"].get("suspend")


def test_a_pod_that_used_more_than_it_may_failed_by_itself() -> None:
    run = begin()
    job = run.job
    words = {"reason": "Evicted", "message": 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".'}
    told = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
    found = cause(
        job_ended(job, at=later(2), succeeded=False), [pod_of(job, phase="Failed", status=words, conditions=[told])]
    )
    assert (found.disrupted, found.reason) == (False, "Evicted")
    assert "exceeds the limit" in found.message


def test_the_cause_of_a_job_that_failed_by_a_disruption_is_what_took_its_pod() -> None:
    job = begin().job
    kept = pod_of(job, phase="Running", main=RUNNING)
    evicted_pod = taken(pod_of(job, phase="Running", main=RUNNING), 25, reason="EvictionByEvictionAPI")
    found = cause(job_ended(job, at=later(30), succeeded=False), [kept, evicted_pod])
    assert (found.reason, found.disrupted) == ("Evicted", True)
    assert "was evicted from node worker-1" in found.message


@pytest.mark.parametrize(
    ("replicas", "ranks", "named"), [(1, [0], False), (2, [1], True), (2, [], False)], ids=["only", "one", "unknown"]
)
def test_the_ranks_that_are_gone_are_named_where_there_are_several(
    replicas: int, ranks: list[int], named: bool
) -> None:
    message = gone(begin(replicas=replicas).job, ranks).message
    assert ("the pod of rank 1 of Job" in message) is named
    assert ("the pod of Job" in message) is not named


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"spec": {"suspend": True}}, False),
        ({"metadata": {"deletionTimestamp": timestamp(later(9))}}, False),
    ],
    ids=["live", "suspended", "deleted"],
)
def test_pods_that_end_are_suspect_in_a_live_job_only(changed: dict[str, dict[str, Any]], expected: bool) -> None:
    job = terminating(begin().job)
    for part, fields in changed.items():
        job[part] = {**job[part], **fields}
    assert stopping.suspected(job) is expected


@pytest.mark.parametrize(("made", "counts"), [(-3, False), (-2, True), (5, True)])
def test_a_pod_of_before_a_suspension_was_taken_by_it(made: float, counts: bool) -> None:
    """The clocks of the controllers that stamp Job and pod may be two seconds apart."""
    job = job_started(begin().job, at=later(0))
    pod = taken(pod_of(job, phase="Running", main=RUNNING), 25, reason="EvictionByEvictionAPI")
    pod["metadata"]["creationTimestamp"] = timestamp(later(made))
    assert (stopping.found(job, [pod]) is not None) is counts
