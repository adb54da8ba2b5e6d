# SPDX-License-Identifier: Apache-2.0
"""Rows that are not there yet: they are waited for, and the wait ends."""

import json

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, JOBS
from tests.unit.controllers.builders import ToyCluster, condition, failed_pod, job_ended, later
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, report, started, status

MISSING = json.dumps({"reason": "DataNotFound", "message": "data input holdout: nothing at pvc://data/holdout.csv"})


def without_data(toy: ToyCluster, job: Manifest, at: float) -> None:
    """The Job ends `at` these seconds, without data."""
    toy.now = later(at)
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, MISSING, exit_code=3)]
    toy.store(job_ended(job, at=toy.now, succeeded=False))
    toy.settle(CONTROLLER, NAME)


def ready(toy: ToyCluster) -> Manifest:
    return condition(toy.get(EVALUATIONS, NAME), "Ready")


def test_missing_rows_are_told_with_the_time_until_which_they_are_looked_for() -> None:
    toy, job = started()
    without_data(toy, job, 10)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "DataNotFound")
    assert ready(toy)["message"] == (
        "data input holdout: nothing at pvc://data/holdout.csv; it is looked for again until 2026-01-01T12:10:10Z"
    )
    assert condition(toy.get(EVALUATIONS, NAME), "Stalled")["status"] == "False"
    assert "verdict" not in status(toy)


def test_one_pod_looks_and_the_next_job_is_made_half_a_minute_later_without_a_word() -> None:
    toy, job = started()
    rules = job["spec"]["podFailurePolicy"]["rules"]
    assert 3 in next(rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob")
    without_data(toy, job, 10)
    writes = len(toy.writes)
    toy.now = later(39)
    toy.settle(CONTROLLER, NAME)
    assert toy.only(JOBS)["metadata"]["uid"] == job["metadata"]["uid"]
    toy.now = later(40)
    toy.settle(CONTROLLER, NAME)
    assert toy.only(JOBS)["metadata"]["uid"] != job["metadata"]["uid"]
    assert ready(toy)["reason"] == "DataNotFound"
    assert [write for write in toy.writes[writes:] if write.startswith("status")] == []


def test_rows_that_came_are_measured() -> None:
    toy, job = started()
    without_data(toy, job, 10)
    toy.now = later(40)
    toy.settle(CONTROLLER, NAME)
    report(toy, toy.only(JOBS))
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["verdict"], ready(toy)["status"]) == ("Pass", "True")
    assert "waiting" not in status(toy)


def test_rows_that_never_come_end_it_after_ten_minutes() -> None:
    toy, _ = started()
    at = 10
    while "verdict" not in status(toy):
        assert at <= 11 * 60
        without_data(toy, toy.only(JOBS), at)
        at += 30
        toy.now = later(at)
        toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "Error")
    assert status(toy)["completionTime"] == "2026-01-01T12:10:10Z", "the very moment until which they are looked for"
    assert ready(toy)["reason"] == "JobFailed"
    assert ready(toy)["message"].startswith(
        "DataNotFound: data input holdout: nothing at pvc://data/holdout.csv; logs:"
    )
