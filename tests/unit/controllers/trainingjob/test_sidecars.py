# SPDX-License-Identifier: Apache-2.0
"""A container that continues beside a main one that has ended keeps the attempt, and is named for it."""

from mlops_operator.api.meta import Manifest
from tests.unit.controllers.builders import condition, later, pod_of, terminated
from tests.unit.controllers.trainingjob.driver import Run, begin
from tests.unit.controllers.trainingjob.pods import RUNNING, pods_are


def beside(run: Run, main: Manifest, side: Manifest = RUNNING) -> None:
    pod = pod_of(run.job, phase="Running", main=main)
    pod["status"]["containerStatuses"].append({"name": "logger", "state": side})
    pods_are(run, pod)


def left_alone() -> Run:
    """A run that ended 10 s after it began, beside a container that continues."""
    run = begin()
    run.at(2).job_runs()
    beside(run, terminated(finished=later(12)))
    run.at(13).job_runs(ready=0)
    return run


def test_within_45_seconds_nothing_is_reported_and_the_pod_is_read_again() -> None:
    run = left_alone()
    plan = run.at(56).settle()
    assert condition(run.obj, "Ready")["reason"] == "Running"
    assert plan.requeue_after is not None
    assert plan.requeue_after <= 8


def test_after_that_the_container_is_named_with_the_way_out() -> None:
    run = left_alone()
    run.at(57).settle()
    told = condition(run.obj, "Ready")
    assert (run.status["phase"], told["reason"]) == ("Running", "SidecarRunning")
    assert "container logger continues" in told["message"]
    assert "restartPolicy: Always" in told["message"]
    assert run.status["waiting"]["reason"] == "SidecarRunning"
    assert run.events == ["SidecarRunning"]


def test_when_it_ends_too_the_run_has_succeeded() -> None:
    run = left_alone()
    run.at(57).settle()
    run.at(90).job_succeeds(run.result())
    assert run.status["phase"] == "Succeeded"
    assert "waiting" not in run.status


def test_a_run_that_was_over_before_anybody_looked_counts_as_running() -> None:
    run = begin()
    beside(run, terminated(finished=later(1)))
    run.at(1).job_runs(ready=0)
    run.at(6).settle()
    assert run.status["phase"] == "Running"
    run.at(46).settle()
    assert condition(run.obj, "Ready")["reason"] == "SidecarRunning"


def test_a_pod_whose_main_container_is_not_ready_is_not_looked_at_again_and_again() -> None:
    run = begin()
    run.at(2).job_runs()
    beside(run, RUNNING)
    assert run.at(13).job_runs(ready=0).requeue_after is None
