# SPDX-License-Identifier: Apache-2.0
"""`activeDeadlineSeconds` counts running time alone."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.trainingjob import TrainingJobStatus
from mlops_operator.controllers.trainingjob.policies import deadline
from tests.unit.controllers.builders import NOW, condition, later
from tests.unit.controllers.trainingjob.driver import begin


def test_running_time_is_the_former_stretches_and_the_present_one() -> None:
    status = TrainingJobStatus(ran_seconds=40, running_since=timestamp(NOW))
    assert deadline.ran(status, later(20)) == 60


def test_a_clock_that_went_back_takes_nothing_away() -> None:
    status = TrainingJobStatus(ran_seconds=40, running_since=timestamp(NOW))
    assert deadline.ran(status, later(-3600)) == 40


@pytest.mark.parametrize(("limit", "left"), [(None, None), (100, 60), (40, 0), (10, 0)])
def test_what_remains_is_never_below_zero(limit: int | None, left: float | None) -> None:
    assert deadline.remaining(limit, TrainingJobStatus(ran_seconds=40), NOW) == left


def test_a_running_job_is_looked_at_exactly_at_its_deadline() -> None:
    run = begin(activeDeadlineSeconds=100)
    assert run.at(5).job_runs().requeue_after == 100
    assert run.at(65).settle().requeue_after == 40


def test_time_before_the_start_does_not_count() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(500).settle()
    assert run.status["phase"] == "Pending"
    run.at(600).job_runs()
    assert run.at(690).settle().requeue_after == 10


def test_at_the_deadline_the_pods_are_stopped_and_the_record_stays() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(5).job_runs()
    run.at(105).settle()
    assert run.job["spec"]["suspend"] is True
    assert run.status["phase"] == "Failed"
    assert condition(run.obj, "Failed")["reason"] == "DeadlineExceeded"
    assert condition(run.obj, "Stalled")["status"] == "True"
    (attempt,) = run.status["attempts"]
    assert (attempt["outcome"], attempt["completionTime"]) == ("Stopped", timestamp(later(105)))
    assert run.status["ranSeconds"] == 100
    assert run.events == ["DeadlineExceeded"]


def test_the_stopped_job_is_left_alone() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(5).job_runs()
    run.at(105).settle()
    job = run.job
    job["spec"]["suspend"] = False
    run.cluster.store(job)
    assert run.settle().actions == ()


def test_time_suspended_does_not_count() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(5).job_runs()
    run.at(45).edit(suspend=True)
    assert run.status["ranSeconds"] == 40
    assert "runningSince" not in run.status
    run.job_is_suspended()
    run.at(5000).edit(suspend=False)
    run.at(5002).job_runs()
    assert run.settle().requeue_after == 60


def test_attempts_share_the_running_time() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(5).job_runs()
    run.at(65).job_fails()
    run.at(80).settle()
    run.at(85).job_runs()
    assert run.settle().requeue_after == 40
    run.at(125).settle()
    assert condition(run.obj, "Failed")["reason"] == "DeadlineExceeded"


def test_no_further_attempt_when_the_time_is_used_up() -> None:
    run = begin(activeDeadlineSeconds=60)
    run.at(5).job_runs()
    run.at(65).job_fails()
    assert condition(run.obj, "Failed")["reason"] == "DeadlineExceeded"


def test_a_job_that_ended_well_at_its_deadline_has_succeeded() -> None:
    run = begin(activeDeadlineSeconds=60)
    run.at(5).job_runs()
    run.at(100).job_succeeds()
    assert run.status["phase"] == "Succeeded"


def test_an_attempt_whose_job_is_deleted_by_hand_keeps_the_time_it_ran() -> None:
    run = begin(activeDeadlineSeconds=100)
    run.at(5).job_runs()
    run.cluster.world.remove(run.job)
    run.at(35).settle()
    assert run.status["ranSeconds"] == 30
    run.at(40).job_runs()
    assert run.settle().requeue_after == 70
