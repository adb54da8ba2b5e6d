# SPDX-License-Identifier: Apache-2.0
"""Data that are not there yet: waited for within `dataDeadline`, a failure after it."""

import json
from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.controllers.trainingjob.policies import data
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import condition, later
from tests.unit.controllers.trainingjob.driver import Run, begin

PLACE = "train (pvc://store/train.npz)"
MISSING = json.dumps({"reason": "DataNotFound", "message": f"nothing is at {PLACE}"})


def waits(**spec: Any) -> Run:
    """A TrainingJob whose first Job found no data 2 s after its start."""
    run = begin(**spec)
    run.at(2).job_fails(MISSING)
    return run


@pytest.mark.parametrize(("tries", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 60), (5, 60), (900, 60)])
def test_the_looks_get_rarer_up_to_once_a_minute(tries: int, seconds: float) -> None:
    assert data.delay(tries) == seconds


def test_the_wait_is_told_and_no_attempt_has_ended() -> None:
    run = waits()
    assert run.status["phase"] == "Pending"
    told = condition(run.obj, "Ready")
    assert told["reason"] == "DataNotFound"
    assert f"attempt 0 found no data; retried at {timestamp(later(12))}: nothing is at {PLACE}" in told["message"]
    assert f"it counts as failed from {timestamp(later(602))} on (dataDeadline 10m)" in told["message"]
    assert [entry.get("outcome") for entry in run.status["attempts"]] == [None]
    assert run.status.get("failures", 0) == 0
    assert run.events == ["DataNotFound"]


def test_the_job_stays_with_its_logs_until_it_is_made_again() -> None:
    run = waits()
    before = run.job["metadata"]
    run.at(11).settle()
    assert run.job["metadata"]["uid"] == before["uid"]
    run.at(12).settle()
    assert run.job["metadata"]["name"] == before["name"]
    assert run.job["metadata"]["uid"] != before["uid"]
    assert len(run.cluster.world.all(JOBS)) == 1


def test_the_run_that_finds_its_data_is_attempt_0_and_the_wait_is_forgotten() -> None:
    run = waits()
    run.at(12).settle()
    run.at(13).job_runs()
    assert run.status["phase"] == "Running"
    assert run.status["dataWait"]["tries"] == 1
    run.at(20).job_succeeds(run.result())
    assert run.status["phase"] == "Succeeded"
    (only,) = run.status["attempts"]
    assert (only["index"], only["outcome"], only["startTime"]) == (0, "Succeeded", timestamp(later(13)))
    assert "dataWait" not in run.status


def test_each_further_look_waits_longer_and_the_deadline_does_not_move() -> None:
    run = waits()
    run.at(12).settle()
    run.at(14).job_fails(MISSING)
    wait = run.status["dataWait"]
    assert (wait["since"], wait["tries"], wait["nextTime"]) == (timestamp(later(2)), 2, timestamp(later(34)))
    assert run.events == ["DataNotFound"]


def test_a_look_is_counted_once_however_often_it_is_seen() -> None:
    run = waits()
    for second in (3, 5, 9):
        run.at(second).settle()
    assert run.status["dataWait"]["tries"] == 1


def test_a_pod_that_is_deleted_while_its_data_are_waited_for_is_no_disruption() -> None:
    run = waits()
    run.cluster.pods.clear()
    run.at(9).settle()
    assert run.status["dataWait"]["tries"] == 1
    assert [entry.get("outcome") for entry in run.status["attempts"]] == [None]


def test_after_the_deadline_it_is_a_failure_like_any_other() -> None:
    run = waits(dataDeadline="1m", backoffLimit=1)
    run.at(12).settle()
    run.at(61.9).job_fails(MISSING)
    assert run.status["phase"] == "Pending"
    run.at(82).settle()
    run.at(84).job_fails(MISSING)
    assert (run.status["phase"], run.status["failures"]) == ("Retrying", 1)
    run.at(95).settle()
    run.at(97).job_fails(MISSING)
    assert (run.status["phase"], run.status["failures"]) == ("Failed", 2)
    assert condition(run.obj, "Failed")["reason"] == "BackoffLimitExceeded"
    assert PLACE in condition(run.obj, "Failed")["message"]


@pytest.mark.parametrize(("end", "failures"), [(61, 0), (62, 1), (63, 1)])
def test_the_deadline_counts_from_the_first_end_and_includes_its_own_moment(end: float, failures: int) -> None:
    run = waits(dataDeadline="1m")
    run.at(12).settle()
    run.at(end).job_fails(MISSING)
    assert run.status.get("failures", 0) == failures


def test_no_deadline_counts_from_the_first() -> None:
    assert waits(dataDeadline="0s").status["failures"] == 1


def test_an_attempt_that_fails_otherwise_counts_and_the_next_has_its_whole_deadline() -> None:
    run = waits(dataDeadline="1m")
    run.at(12).settle()
    run.at(50).job_fails("boom")
    assert (run.status["phase"], run.status["failures"]) == ("Retrying", 1)
    run.at(60).settle()
    run.at(100).job_fails(MISSING)
    assert run.status["phase"] == "Pending"
    assert run.status["dataWait"]["since"] == timestamp(later(100))


def test_a_corrected_spec_is_tried_at_once() -> None:
    run = waits(data=[{"name": "train", "uri": "pvc://store/tain.npz"}])
    before = run.job["metadata"]["uid"]
    run.at(3).edit(data=[{"name": "train", "uri": "pvc://store/train.npz"}])
    run.settle()
    assert run.job["metadata"]["uid"] != before
    run.at(4).job_runs()
    assert run.status["attempts"][0]["generation"] == 2


def test_suspension_takes_the_job_away_and_the_wait_goes_on_after_it() -> None:
    run = waits()
    run.at(3).edit(suspend=True)
    run.settle()
    assert run.status["phase"] == "Suspended"
    assert not run.cluster.world.all(JOBS)
    run.at(40).edit(suspend=False)
    run.settle()
    run.at(42).job_fails(MISSING)
    wait = run.status["dataWait"]
    assert (wait["since"], wait["tries"]) == (timestamp(later(2)), 2)


def test_running_time_before_the_data_were_missed_counts() -> None:
    run = begin()
    run.at(5).job_runs()
    run.at(35).job_fails(MISSING)
    assert run.status["ranSeconds"] == 30
    assert "runningSince" not in run.status
