# SPDX-License-Identifier: Apache-2.0
"""`suspend` keeps the first attempt from starting, or stops the pods of the present one."""

from collections.abc import Mapping

import pytest

from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from tests.unit.controllers.builders import condition, job_started
from tests.unit.controllers.trainingjob.driver import NAME, begin


def test_a_suspended_job_starts_nothing() -> None:
    run = begin(suspend=True)
    assert run.cluster.world.all(JOBS) == []
    assert run.status["phase"] == "Suspended"
    assert condition(run.obj, "Ready")["reason"] == "Suspended"


def test_it_starts_when_it_is_let() -> None:
    run = begin(suspend=True)
    run.at(100).edit(suspend=False)
    assert run.status["phase"] == "Pending"
    run.at(101).job_runs()
    assert run.status["phase"] == "Running"
    assert run.events == ["Suspended", "Resumed"]


def test_a_running_attempt_is_stopped_and_goes_on_later_as_the_same_one() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(10).edit(suspend=True)
    assert run.job["spec"]["suspend"] is True
    assert run.status["phase"] == "Suspended"
    run.job_is_suspended()
    run.at(50).edit(suspend=False)
    assert run.job["spec"]["suspend"] is False
    run.at(52).job_runs()
    assert run.status["phase"] == "Running"
    assert run.status["attempt"] == 0
    assert len(run.cluster.world.all(JOBS)) == 1
    assert run.events == ["Suspended", "Resumed"]


def test_a_resumed_job_is_given_time_before_its_pods_are_looked_at() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(10).edit(suspend=True)
    run.job_is_suspended()
    reads = len(run.cluster.reads)
    run.at(5000).edit(suspend=False)
    assert len(run.cluster.reads) == reads
    assert "waiting" not in run.status


@pytest.mark.parametrize("limits", [{}, {"backoffLimit": 5}], ids=["same spec", "other limit"])
def test_a_resumed_job_that_has_no_pod_yet_stays(limits: Mapping[str, int]) -> None:
    """Suspending changes the generation, and so does a limit: neither makes another attempt of the one that waits."""
    run = begin()
    run.at(2).job_runs()
    run.at(10).edit(suspend=True)
    run.job_is_suspended()
    run.at(50).edit(suspend=False, **limits)
    job = run.job
    # The Job's controller still counts the pod that the suspension took away, so the Job's pods are read.
    run.cluster.store({**job, "status": {**job["status"], "terminating": 1}})
    run.cluster.pods.clear()
    run.settle()
    assert f"delete Job {job['metadata']['name']}" not in run.cluster.writes


def test_a_job_that_somebody_suspends_or_resumes_by_hand_is_put_right() -> None:
    run = begin()
    job = run.job
    job["spec"]["suspend"] = True
    run.cluster.store(job)
    run.settle()
    assert run.job["spec"]["suspend"] is False
    run.edit(suspend=True)
    job = run.job
    job["spec"]["suspend"] = False
    run.cluster.store(job)
    run.settle()
    assert run.job["spec"]["suspend"] is True


def test_a_suspended_attempt_whose_job_had_ended_has_ended() -> None:
    run = begin()
    run.at(2).job_runs()
    run.cluster.edit(TRAINING_JOBS, NAME, suspend=True)
    run.job_succeeds()
    assert run.status["phase"] == "Succeeded"


def test_a_failed_attempt_is_followed_by_none_while_suspended() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(10).edit(suspend=True)
    run.job_fails()
    assert run.status["phase"] == "Suspended"
    assert run.status["attempts"][0]["outcome"] == "Failed"
    run.at(500).settle()
    assert len(run.cluster.world.all(JOBS)) == 1
    run.edit(suspend=False)
    assert len(run.cluster.world.all(JOBS)) == 2


def test_an_edit_while_it_starts_is_seen() -> None:
    run = begin(suspend=True)
    run.edit(suspend=False)
    run.cluster.store(job_started(run.job, at=run.cluster.now))
    run.edit(seed=7)
    assert run.status["observedGeneration"] == 3
