# SPDX-License-Identifier: Apache-2.0
"""An Evaluation whose Job runs again or fails: a try failed, its result is lost, or it is none."""

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.shared.task_disruptions import ANNOTATION
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODEL_VERSIONS
from tests.unit.controllers.builders import (
    ToyCluster,
    condition,
    failed_pod,
    job_ended,
    job_started,
    later,
    pod_of,
    succeeded_pod,
)
from tests.unit.controllers.corrections import CORRECTED, TOLERATIONS, same, stuck, tolerations
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, report, started, status
from tests.unit.controllers.lost import by_the_cluster

WORDS = '{"reason": "ArtifactUnreachable", "message": "the store does not answer"}'
TOLD = "try 1 of 3 failed: ArtifactUnreachable: the store does not answer"


def ready(toy: ToyCluster) -> Manifest:
    return condition(toy.get(EVALUATIONS, NAME), "Ready")


def test_a_failed_try_is_in_the_status_for_one_write_each() -> None:
    toy, job = started()
    before = len(toy.writes)
    pods = toy.pods[job["metadata"]["name"]] = []
    for failed in (1, 2):
        pods.append(failed_pod(job, WORDS))
        toy.store(job_started(job, at=later(1), failed=failed))  # before the next pod
        toy.settle(CONTROLLER, NAME)
        toy.store(job_started(job, at=later(1), ready=1, failed=failed))
        toy.settle(CONTROLLER, NAME)
        assert (ready(toy)["reason"], ready(toy)["message"]) == ("Retrying", TOLD.replace("1", str(failed)))
        assert status(toy)["phase"] == "Running"
    assert toy.writes[before:] == [f"status Evaluation {NAME}"] * 2
    assert [(event.type.value, event.reason) for event in toy.events] == [
        ("Normal", "Started"),
        ("Warning", "Retrying"),
    ]


def test_the_next_try_counts() -> None:
    toy, job = started()
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, WORDS), pod_of(job, phase="Running")]
    toy.store(job_started(job, at=later(1), ready=1, failed=1))
    toy.settle(CONTROLLER, NAME)
    report(toy, job)
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Pass"
    assert "waiting" not in status(toy)


def lose(toy: ToyCluster) -> None:
    """The Job ends well, and its pod was deleted before it was read."""
    toy.store(job_ended(toy.only(JOBS), at=toy.now))
    toy.settle(CONTROLLER, NAME)
    toy.now = toy.now.fromtimestamp(toy.now.timestamp() + 6, tz=toy.now.tzinfo)
    toy.settle(CONTROLLER, NAME)


def test_what_was_lost_is_measured_again() -> None:
    toy, job = started()
    lose(toy)
    assert toy.only(JOBS)["metadata"]["uid"] != job["metadata"]["uid"]
    assert ready(toy)["reason"] == "Retrying"
    assert ready(toy)["message"] == (
        "the result of the task was lost with its pod, so it runs again (1 of at most 3 times)"
    )
    assert [write.split()[0] for write in toy.writes[-3:]] == ["delete", "create", "status"]
    report(toy, toy.only(JOBS))
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Pass"


def test_a_result_that_is_lost_four_times_is_given_up() -> None:
    toy, _ = started()
    for _ in range(4):
        assert status(toy)["phase"] == "Running"
        lose(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Failed", "ResultInvalid")
    assert ready(toy)["message"].endswith("the task has run 4 times")


def test_nothing_is_measured_again_while_a_version_is_not_ready() -> None:
    toy, job = started()
    candidate = toy.get(MODEL_VERSIONS, "digits-b")
    toy.world.remove(candidate)
    lose(toy)
    assert toy.only(JOBS)["metadata"]["uid"] == job["metadata"]["uid"]
    assert ready(toy)["reason"] == "ModelVersionNotFound"
    toy.world.put(candidate)
    toy.settle(CONTROLLER, NAME)
    assert toy.only(JOBS)["metadata"]["uid"] != job["metadata"]["uid"]


def test_an_error_names_the_versions_even_if_nothing_was_told_before_the_end() -> None:
    toy, job = started()
    known = {name: status(toy)[name] for name in ("candidate", "baseline")}
    unwritten = toy.get(EVALUATIONS, NAME)
    del unwritten["status"]
    toy.store(unwritten)
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, "{")]
    toy.store(job_ended(job, at=later(10)))
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "Error"
    assert {name: status(toy).get(name) for name in known} == known


def test_a_job_that_no_node_takes_is_made_again_with_the_installations_new_options() -> None:
    toy, _ = started()
    job = stuck(toy, CONTROLLER, NAME)
    assert same(job, toy)
    toy.settle(EvaluationController(CORRECTED), NAME)
    assert tolerations(toy) == TOLERATIONS
    assert status(toy)["phase"] == "Running"


def test_a_job_that_runs_is_left_alone_whatever_the_installations_options() -> None:
    toy, job = started()
    toy.store(job_started(job, at=later(1), ready=1))
    toy.settle(EvaluationController(CORRECTED), NAME)
    assert same(job, toy)


def test_a_job_that_no_node_takes_is_left_alone_while_a_version_is_missing() -> None:
    toy, _ = started()
    job = stuck(toy, CONTROLLER, NAME)
    candidate = toy.get(MODEL_VERSIONS, "digits-b")
    toy.world.remove(candidate)
    toy.settle(EvaluationController(CORRECTED), NAME)
    assert same(job, toy)
    toy.world.put(candidate)
    toy.settle(EvaluationController(CORRECTED), NAME)
    assert tolerations(toy) == TOLERATIONS


def test_a_pod_that_the_cluster_took_is_remembered_by_the_job() -> None:
    toy, job = started()
    toy.store(job_started(job, at=later(1)))
    toy.now = later(5)
    toy.pods[job["metadata"]["name"]] = [by_the_cluster(pod_of(job), later(2))]
    toy.settle(CONTROLLER, NAME)
    assert '"count":"1"' in toy.only(JOBS)["metadata"]["annotations"][ANNOTATION]
    toy.pods[job["metadata"]["name"]] = []
    toy.settle(CONTROLLER, NAME)
    assert ready(toy)["message"].startswith("disruption 1, which uses up no try")
