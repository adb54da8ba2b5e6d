# SPDX-License-Identifier: Apache-2.0
"""Jobs that have ended are deleted a day later, and only after their results were recorded."""

import pytest

from mlops_operator.controllers.settings import ENV_FINISHED_JOB_TTL, FINISHED_JOB_TTL, Settings
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.kube.config import ConfigError
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS, MODELS
from mlops_operator.runtime.work.plan import Delete, Plan
from tests.unit.controllers.builders import condition, job_ended, job_started, later, make
from tests.unit.controllers.evaluation.test_plan import CONTROLLER as EVALUATIONS
from tests.unit.controllers.evaluation.test_plan import NAME as EVALUATION
from tests.unit.controllers.evaluation.test_plan import report, started
from tests.unit.controllers.modelmonitor import scene as monitor
from tests.unit.controllers.modelversion import driver as versions
from tests.unit.controllers.trainingjob.driver import begin, model_artifact

DAY = FINISHED_JOB_TTL
JOB = make(JOBS, "job", spec={})


def names(plan: Plan) -> list[str]:
    return [action.name for action in plan.actions if isinstance(action, Delete)]


def test_a_recorded_job_goes_when_its_time_is_over_and_is_looked_at_then() -> None:
    jobs = [job_ended(JOB, at=later(10))]
    for seconds, left in ((30, 40.0), (69, 1.0)):
        early = with_cleanup(Plan(), jobs, recorded=lambda _: True, ttl=60, now=later(seconds))
        assert (names(early), early.requeue_after) == ([], left)
    due = with_cleanup(Plan(), jobs, recorded=lambda _: True, ttl=60, now=later(70))
    assert (names(due), due.requeue_after) == (["job"], None)


def test_what_is_not_recorded_or_runs_or_is_going_stays() -> None:
    ended = job_ended(JOB, at=later(0))
    going = {**ended, "metadata": {**ended["metadata"], "deletionTimestamp": "2026-01-01T12:00:00Z"}}
    for job, recorded in ((ended, False), (job_started(JOB, at=later(0)), True), (going, True)):
        plan = with_cleanup(Plan(), [job], recorded=lambda _, recorded=recorded: recorded, ttl=60, now=later(100))  # type: ignore[misc]
        assert plan == Plan()


def test_an_earlier_look_and_a_planned_deletion_stay_as_they_are() -> None:
    ended = job_ended(JOB, at=later(0))
    plan = Plan(requeue_after=5.0)
    assert with_cleanup(plan, [ended], recorded=lambda _: True, ttl=60, now=later(1)).requeue_after == 5.0
    deleting = Plan(actions=(Delete.of(JOBS, ended),))
    assert names(with_cleanup(deleting, [ended], recorded=lambda _: True, ttl=60, now=later(100))) == ["job"]


def test_the_time_is_a_setting() -> None:
    assert Settings.from_environment({}).finished_job_ttl == 86_400
    assert Settings.from_environment({ENV_FINISHED_JOB_TTL: "0"}).finished_job_ttl == 0
    for text in ("soon", "-1", "1.5"):
        with pytest.raises(ConfigError, match=f"expected a number of seconds in {ENV_FINISHED_JOB_TTL}"):
            Settings.from_environment({ENV_FINISHED_JOB_TTL: text})


# -- each kind ---------------------------------------------------------------------------------------


def test_a_training_whose_job_is_gone_does_not_run_again() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(2).job_runs()
    assert run.at(9).job_succeeds(run.result(artifacts=[model_artifact()])).requeue_after == DAY
    before = run.status
    run.at(9 + DAY).settle()
    assert run.cluster.world.all(JOBS) == []
    run.at(9 + 3 * DAY).settle()
    assert run.cluster.world.all(JOBS) == []
    assert run.status == before
    assert [write for write in run.cluster.writes if "Job" in write and "TrainingJob" not in write] == [
        f"create Job {before['attempts'][0]['job']}",
        f"delete Job {before['attempts'][0]['job']}",
    ]


def test_a_job_whose_result_nobody_has_read_stays_however_old_it_is() -> None:
    # The operator was away for two days: the Job's end is not recorded yet.
    run = begin()
    run.at(2).job_runs()
    run.cluster.now = later(9)
    run.cluster.store(job_ended(run.job, at=later(9)))
    run.cluster.now = later(9 + 2 * DAY)
    plan = run.cluster.plan(run.controller, "digits")
    assert names(plan) == []


def test_attempts_that_have_failed_go_while_later_ones_count_on() -> None:
    run = begin(backoffLimit=1)
    run.at(5).job_fails()
    run.at(60).settle()
    first, second = sorted(job["metadata"]["name"] for job in run.cluster.world.all(JOBS))
    run.at(62).job_runs()
    run.at(5 + DAY).settle()
    assert [job["metadata"]["name"] for job in run.cluster.world.all(JOBS)] == [second]
    assert run.status["attempts"][0]["job"] == first
    run.at(10 + DAY).job_fails()
    assert condition(run.obj, "Failed")["reason"] == "BackoffLimitExceeded"
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_job_that_was_stopped_goes_too() -> None:
    run = begin(activeDeadlineSeconds=10)
    run.at(2).job_runs()
    run.at(12).settle()
    assert condition(run.obj, "Failed")["reason"] == "DeadlineExceeded"
    run.at(12 + DAY).settle()
    assert run.cluster.world.all(JOBS) == []


def test_a_verified_version_is_not_verified_again() -> None:
    version = versions.begin()
    version.at(3).verified()
    ready = version.status
    version.at(3 + DAY).settle()
    assert version.cluster.world.all(JOBS) == []
    version.at(4 + DAY).settle()
    assert (version.status, version.cluster.world.all(JOBS)) == (ready, [])


def test_a_corrupt_version_is_not_verified_again() -> None:
    version = versions.begin()
    version.at(3).fails("ArtifactCorrupt", exit_code=4)
    version.at(3 + DAY).settle()
    version.at(4 + DAY).settle()
    assert condition(version.obj, "Stalled")["reason"] == "ArtifactCorrupt"
    assert version.cluster.world.all(JOBS) == []


def test_a_measured_evaluation_is_not_measured_again() -> None:
    toy, job = started()
    report(toy, job)
    toy.now = later(10)
    assert toy.settle(EVALUATIONS, EVALUATION).requeue_after == DAY
    toy.now = later(10 + DAY)
    toy.settle(EVALUATIONS, EVALUATION)
    assert toy.world.all(JOBS) == []
    toy.now = later(11 + DAY)
    toy.settle(EVALUATIONS, EVALUATION)
    assert toy.world.all(JOBS) == []


def test_windows_that_were_measured_go_also_while_the_monitor_is_suspended() -> None:
    toy = monitor.cluster()
    monitor.measure(toy, 0.97)
    toy.edit(MODEL_MONITORS, monitor.NAME, suspend=True)
    plan = monitor.settle(toy)
    assert len(toy.world.all(JOBS)) == 1
    assert plan.requeue_after is not None
    toy.now = toy.now.fromtimestamp(toy.now.timestamp() + plan.requeue_after, tz=toy.now.tzinfo)
    monitor.settle(toy)
    assert toy.world.all(JOBS) == []
    assert len(monitor.status(toy)["windows"]) == 1
