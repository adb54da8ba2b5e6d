# SPDX-License-Identifier: Apache-2.0
"""What is out of the ordinary is told once."""

import json

import pytest

from tests.unit.controllers.trainingjob.driver import Run, begin


def told(run: Run) -> list[tuple[str, str]]:
    return [(event.type.value, event.reason) for event in run.cluster.events]


def test_a_run_that_goes_well_needs_no_words() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(9).job_succeeds()
    assert told(run) == []


def test_a_run_that_fails_is_told_to_its_end() -> None:
    run = begin(backoffLimit=1)
    run.at(2).job_runs()
    run.at(3).job_fails()
    run.at(20).settle()
    run.at(21).job_runs()
    run.at(22).job_fails("again")
    assert told(run) == [("Warning", "Retrying"), ("Warning", "Failed")]
    assert "again" in run.cluster.events[-1].message


@pytest.mark.parametrize("reason", ["DataCorrupt", "DataInvalid", "ConfigurationInvalid"])
def test_a_final_failure_is_called_failed(reason: str) -> None:
    run = begin()
    run.at(2).job_fails(json.dumps({"reason": reason, "message": "m"}))
    assert told(run) == [("Warning", "Failed")]


def test_what_it_waits_for_is_told_once() -> None:
    run = begin(model="missing")
    run.at(60).settle()
    assert told(run) == [("Warning", "ModelNotFound")]


def test_a_persons_own_wish_is_no_warning() -> None:
    run = begin(suspend=True)
    run.edit(suspend=False)
    assert told(run) == [("Normal", "Suspended"), ("Normal", "Resumed")]


def test_an_edit_of_what_runs_is_not_told() -> None:
    run = begin()
    run.at(2).job_runs()
    run.edit(seed=7)
    assert told(run) == []
