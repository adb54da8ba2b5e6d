# SPDX-License-Identifier: Apache-2.0
"""Ranks that wait, and ranks on nodes that do not answer: what the status says of them."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import condition, failed_pod, job_started, later, pod_of
from tests.unit.controllers.lost import silent
from tests.unit.controllers.trainingjob.driver import Run, begin
from tests.unit.controllers.trainingjob.pods import pods_are, rank, stopped, taken, terminating


def on_a_lost_node() -> Run:
    run = begin(replicas=2)
    run.at(2).job_runs(ready=2)
    pods_are(run, rank(run.job, 0), silent(rank(run.job, 1), later(90)))
    begun = job_started(run.job, at=later(0), ready=1)
    begun["status"]["active"] = 2
    run.cluster.store(begun)
    run.at(91).settle()
    return run


def test_a_lost_node_is_told_with_rank_and_time() -> None:
    run = on_a_lost_node()
    ready = condition(run.obj, "Ready")
    assert ready["reason"] == "NodeLost"
    assert f"node worker-2 of rank 1 (pod {run.job['metadata']['name']}-1-x7k2p)" in ready["message"]
    assert f"has not answered since {timestamp(later(90))}" in ready["message"]
    writes = len(run.cluster.writes)
    run.at(150).settle()
    assert len(run.cluster.writes) == writes


def test_a_node_that_comes_back_ends_it() -> None:
    run = on_a_lost_node()
    pods_are(run, rank(run.job, 0), rank(run.job, 1))
    run.at(120).job_runs(ready=2)
    assert condition(run.obj, "Ready")["reason"] == "Running"
    assert run.status["attempts"][0].get("outcome") is None


def test_a_pod_that_a_lost_node_keeps_is_told_with_what_to_do_and_nothing_runs_beside_it() -> None:
    run = on_a_lost_node()
    pod = taken(silent(rank(run.job, 1), later(90)), 390, reason="DeletionByTaintManager", node="worker-2")
    pods_are(run, rank(run.job, 0), pod)
    run.cluster.store(terminating(run.job, ready=1))
    run.at(391).settle()
    assert "has not answered since" in condition(run.obj, "Ready")["message"]
    pods_are(run, failed_pod(run.job, index=0, exit_code=143), pod)
    run.cluster.store(stopped(run.job))
    run.at(449).settle()
    assert condition(run.obj, "Ready")["reason"] == "Disrupted"
    run.at(450).settle()
    ready = condition(run.obj, "Ready")
    assert ready["reason"] == "NodeLost"
    assert "kubectl delete node worker-2" in ready["message"]
    assert "node.kubernetes.io/out-of-service" in ready["message"]
    run.at(4000).settle()
    assert len(run.cluster.world.all(JOBS)) == 1
    pods_are(run)
    run.at(4001).settle()
    assert run.status["attempts"][0]["reason"] == "NodeLost"
    assert len(run.cluster.world.all(JOBS)) == 2


# -- gangs that wait -----------------------------------------------------------------------------


def test_a_gang_runs_when_all_of_its_ranks_do() -> None:
    run = begin(replicas=3)
    begun = job_started(run.job, at=later(0), ready=2)
    begun["status"]["active"] = 3
    run.cluster.store(begun)
    no_room = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: no room"}
    pods_are(run, rank(run.job, 0), pod_of(run.job, index=1, conditions=[no_room]), rank(run.job, 2))
    run.at(30).settle()
    assert "phase" not in run.status
    run.at(61).settle()
    ready = condition(run.obj, "Ready")
    assert (run.status["phase"], ready["reason"]) == ("Pending", "PodPending")
    assert ready["message"].startswith("2 of 3 ranks run; rank 1 waits: ")
    assert "runningSince" not in run.status
    run.at(100).job_runs(ready=3)
    assert run.status["runningSince"] == timestamp(later(100))
    assert condition(run.obj, "Ready")["message"] == "attempt 0 is running in 3 pods"


def test_the_number_of_ranks_that_run_is_never_an_old_one() -> None:
    run = begin(replicas=3)
    run.cluster.store(job_started(run.job, at=later(0), ready=0))
    no_room = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: no room"}
    waits = pod_of(run.job, index=2, conditions=[no_room])
    pods_are(run, rank(run.job, 0), pod_of(run.job, index=1, conditions=[no_room]), waits)
    run.at(61).settle()
    assert "1 of 3 ranks run; rank 1 waits" in run.status["waiting"]["message"]
    pods_are(run, rank(run.job, 0), rank(run.job, 1), waits)
    run.at(80).settle()
    assert "2 of 3 ranks run; rank 2 waits" in run.status["waiting"]["message"]


def test_of_ranks_without_a_pod_the_first_is_named_and_a_permanent_cause_comes_before_it() -> None:
    run = begin(replicas=4)
    run.cluster.store(job_started(run.job, at=later(0)))
    pods_are(run, rank(run.job, 0))
    run.at(61).settle()
    assert "1 of 4 ranks run; rank 1 waits: " in run.status["waiting"]["message"]
    missing = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    pods_are(run, rank(run.job, 0), pod_of(run.job, index=3, main=missing))
    run.at(80).settle()
    assert "1 of 4 ranks run; rank 3 waits: no such image" in run.status["waiting"]["message"]


def meeting(run: Run, index: int) -> Manifest:
    """A pod whose rank waits for the others."""
    pod = pod_of(run.job, index=index)
    state = {"running": {"startedAt": timestamp(later(1))}}
    pod["status"]["initContainerStatuses"] = [{"name": "wait-for-coordinator", "state": state}]
    return pod


def test_a_rank_whose_sidecar_runs_does_not_wait_for_rank_0() -> None:
    run = begin(replicas=2)
    run.cluster.store(job_started(run.job, at=later(0)))
    proxied = meeting(run, 1)
    proxied["status"]["initContainerStatuses"][0] |= {"name": "proxy"}
    pods_are(run, proxied, rank(run.job, 0))
    run.at(61).settle()
    assert "rank 1 waits: pod " in run.status["waiting"]["message"]
    assert "MLOPS_COORDINATOR" not in run.status["waiting"]["message"]


def test_a_rank_that_waits_for_rank_0_says_so() -> None:
    run = begin(replicas=2)
    run.cluster.store(job_started(run.job, at=later(0)))
    no_room = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: no room"}
    pods_are(run, meeting(run, 1), rank(run.job, 0))
    run.at(61).settle()
    assert "1 of 2 ranks run; rank 1 waits: it starts when MLOPS_COORDINATOR" in run.status["waiting"]["message"]
    pods_are(run, meeting(run, 1), pod_of(run.job, index=0, conditions=[no_room]))
    run.at(80).settle()
    assert "0 of 2 ranks run; rank 0 waits: " in run.status["waiting"]["message"]


def test_of_ranks_that_wait_for_each_other_the_one_that_is_not_there_is_told() -> None:
    run = begin(replicas=3)
    run.cluster.store(job_started(run.job, at=later(0)))
    no_room = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: no room"}
    pods_are(run, meeting(run, 0), meeting(run, 1), pod_of(run.job, index=2, conditions=[no_room]))
    run.at(61).settle()
    assert "0 of 3 ranks run; rank 2 waits: " in run.status["waiting"]["message"]
    assert "no room" in run.status["waiting"]["message"]
    pods_are(run, meeting(run, 0), meeting(run, 1), meeting(run, 2))
    run.at(80).settle()
    assert "rank 0 waits: it starts when" in run.status["waiting"]["message"]
