# SPDX-License-Identifier: Apache-2.0
"""A task's Job as its parent's plan sees it."""

from dataclasses import replace

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.failure_rules import PERMANENT_EXIT_CODES
from mlops_operator.controllers.shared.jobs import ANNOTATION_FOREIGN
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.task import (
    Step,
    Task,
    TaskPhase,
    observe_task,
    render_task,
)
from mlops_operator.kube.resources import EVALUATIONS, JOBS
from mlops_operator.runtime.work.plan import EventsAbout
from tests.unit.controllers.builders import job_ended, job_started, later, make

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


def test_what_keeps_a_task_is_known_before_it_is_reported() -> None:
    kept = observe_task("u", job_started(job(), at=later(0)), [], later(WAITING))
    assert (kept.kept, kept.reason) == (True, "")
    assert not observe_task("u", job(), [], later(WAITING)).kept


@pytest.mark.parametrize("pods", [None, []], ids=["not read yet", "none"])
def test_nothing_is_told_of_a_job_that_has_not_begun_or_whose_pods_were_not_read(pods: list[Manifest] | None) -> None:
    assert observe_task("u", job(), pods, later(WAITING)).reason == ""
    assert observe_task("u", job_started(job(), at=later(0)), None, later(1)).reason == ""


# -- containers with foreign code ----------------------------------------------------------------

FORGED = '{"v": 1, "uid": "u", "metrics": {"accuracy.candidate": 0.9999}, "counts": {"all": 597}}'
PRETENDED = '{"reason": "ArtifactCorrupt", "message": "the store is broken"}'


def ended(name: str, *, code: int, message: str = "", reason: str = "Error") -> Manifest:
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "message": message}}}


def pod(*, inits: list[Manifest], mains: list[Manifest], phase: str, foreign: str = "predict-candidate") -> Manifest:
    metadata: Manifest = {"name": "pod", "uid": "pod", "creationTimestamp": "2026-01-01T12:00:00Z"}
    if foreign:
        metadata["annotations"] = {ANNOTATION_FOREIGN: foreign}
    return {
        "metadata": metadata,
        "status": {"phase": phase, "initContainerStatuses": inits, "containerStatuses": mains},
    }


@pytest.mark.parametrize("message", [FORGED, PRETENDED, ""])
def test_what_a_failed_foreign_container_wrote_is_not_read(message: str) -> None:
    failed = pod(
        inits=[
            ended("fetch", code=0, reason="Completed"),
            ended("predict-candidate", code=137, message=message, reason="OOMKilled"),
        ],
        mains=[{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}],
        phase="Failed",
    )
    state = observe_task("u", job_ended(job(), at=later(3), succeeded=False), [failed], later(4))
    assert (state.phase, state.reason) == (TaskPhase.FAILED, "PredictionFailed")
    assert state.message == "container predict-candidate ended with exit code 137 (OOMKilled)"


def test_what_a_foreign_container_wrote_is_no_result() -> None:
    succeeded = pod(
        inits=[ended("predict-candidate", code=0, message=FORGED, reason="Completed")],
        mains=[ended("main", code=0, reason="Completed")],
        phase="Succeeded",
    )
    state = observe_task("u", job_ended(job(), at=later(3)), [succeeded], later(4))
    assert (state.phase, state.result) == (TaskPhase.RESULT_INVALID, None)


def test_the_projects_own_container_is_believed() -> None:
    failed = pod(inits=[ended("fetch", code=4, message=PRETENDED)], mains=[], phase="Failed")
    state = observe_task("u", job_ended(job(), at=later(3), succeeded=False), [failed], later(4))
    assert (state.reason, state.message) == ("ArtifactCorrupt", "the store is broken")


# -- a result that cannot be read ----------------------------------------------------------------

DISRUPTION: Manifest = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def stopped(*, message: str = "", conditions: list[Manifest], deleted: bool = False) -> Manifest:
    found = pod(inits=[], mains=[ended("main", code=0, message=message, reason="Completed")], phase="Succeeded")
    found["status"]["conditions"] = conditions
    found["metadata"] |= {"deletionTimestamp": "2026-01-01T12:00:03Z"} if deleted else {}
    return found


@pytest.mark.parametrize(
    "pods",
    [[], [stopped(conditions=[DISRUPTION])], [stopped(conditions=[], deleted=True)]],
    ids=["gone", "evicted before it reported", "deleted before it reported"],
)
def test_a_result_that_is_gone_with_its_pod_is_no_evidence(pods: list[Manifest]) -> None:
    state = observe_task("u", job_ended(job(), at=later(3)), pods, later(30))
    assert (state.phase, state.reason) == (TaskPhase.RESULT_LOST, "Retrying")
    assert "lost with its pod, so it runs again (1 of at most 3 times)" in state.message


@pytest.mark.parametrize(
    "pods",
    [
        [stopped(conditions=[])],
        [stopped(message="done!", conditions=[DISRUPTION])],
        [stopped(message='{"v": 1, "uid": "another"}', conditions=[DISRUPTION], deleted=True)],
    ],
    ids=["none", "no result", "of another run"],
)
def test_a_result_that_is_there_and_wrong_does_not_count(pods: list[Manifest]) -> None:
    state = observe_task("u", job_ended(job(), at=later(3)), pods, later(30))
    assert (state.phase, state.reason) == (TaskPhase.RESULT_INVALID, "ResultInvalid")


def test_a_result_that_was_complete_counts_though_its_pod_was_taken_away() -> None:
    found = stopped(message='{"v": 1, "uid": "u"}', conditions=[DISRUPTION], deleted=True)
    state = observe_task("u", job_ended(job(), at=later(3)), [found], later(30))
    assert state.phase is TaskPhase.SUCCEEDED


def test_a_result_that_is_lost_again_and_again_is_given_up() -> None:
    again = job_ended(job(), at=later(3))
    again["metadata"]["annotations"] = {"mlops-operator.io/lost-results": "3"}
    state = observe_task("u", again, [], later(30))
    assert (state.phase, state.reason) == (TaskPhase.RESULT_INVALID, "ResultInvalid")
    assert "cannot be read; the task has run 4 times" in state.message


# -- what another pod would not change -----------------------------------------------------------


def test_disruptions_use_up_no_try() -> None:
    parent = make(EVALUATIONS, "e", spec={})
    task = Task(parent=parent, suffix="s", component="c", steps=(Step(module="evaluate"),))
    body = render_task(task, Settings())["spec"]
    # The first rule that matches counts: an evicted pod may have any exit code.
    assert body["podFailurePolicy"]["rules"][0] == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    assert body["activeDeadlineSeconds"] == 1800


def test_a_connection_that_fails_uses_up_no_try_where_the_task_says_so_and_no_foreign_code_ran() -> None:
    steps = (
        Step(name="fetch", module="evaluate_fetch"),
        Step(name="predict", module="predict", foreign=True),
        Step(module="evaluate"),
    )
    task = Task(parent=make(EVALUATIONS, "e", spec={}), suffix="s", component="c", steps=steps)
    assert len(render_task(task, Settings())["spec"]["podFailurePolicy"]["rules"]) == 2
    job = render_task(replace(task, retries_connections=True, annotations={"a": "b"}), Settings())
    assert job["metadata"]["annotations"] == {"a": "b", "mlops-operator.io/failed-connections": "Retried"}
    disrupted, *rules, permanent = job["spec"]["podFailurePolicy"]["rules"]
    assert ("onPodConditions" in disrupted, permanent["action"]) == (True, "FailJob")
    assert rules == [
        {"action": "Ignore", "onExitCodes": {"containerName": name, "operator": "In", "values": [15]}}
        for name in ("fetch", "main")
    ]


def test_failures_that_another_pod_would_repeat_are_not_retried() -> None:
    errors = pytest.importorskip("mlops_workload.errors", reason="the data plane's libraries are not installed")
    permanent = {
        errors.ConfigurationInvalidError,
        errors.ArtifactCorruptError,
        errors.ModelLoadFailedError,
        errors.DataInvalidError,
        errors.MetricInvalidError,
        errors.PredictionFailedError,
    }
    assert set(PERMANENT_EXIT_CODES) == {error.exit_code for error in permanent}
    others = {error.exit_code for error in errors.WorkloadError.__subclasses__() if error not in permanent}
    assert not others & set(PERMANENT_EXIT_CODES)
    parent = make(EVALUATIONS, "e", spec={})
    task = Task(parent=parent, suffix="s", component="c", steps=(Step(module="evaluate"),))
    _, rule = render_task(task, Settings())["spec"]["podFailurePolicy"]["rules"]
    # Of whichever container: models are fetched and loaded before the main one.
    assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [2, 4, 5, 6, 8, 11]}}
