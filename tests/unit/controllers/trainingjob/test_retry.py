# SPDX-License-Identifier: Apache-2.0
"""Failed attempts: how many, how far apart, and which failures are final."""

import json

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.trainingjob import Attempt, AttemptOutcome
from mlops_operator.controllers.trainingjob.policies import retry
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import condition, failed_pod, job_ended, later
from tests.unit.controllers.trainingjob.driver import begin

LOGS = "; logs: kubectl logs -n team-a -l mlops-operator.io/trainingjob=digits --all-containers --tail=-1"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 320), (7, 360), (500, 360)]
)
def test_the_delay_doubles_up_to_six_minutes(failures: int, seconds: float) -> None:
    assert retry.delay(failures) == seconds


def attempt(index: int, outcome: str, *, start: float | None = 0, end: float = 100) -> Attempt:
    began = timestamp(later(start)) if start is not None else None
    return Attempt(
        index=index,
        job=f"j-{index}",
        generation=1,
        outcome=AttemptOutcome(outcome),
        start_time=began,
        completion_time=timestamp(later(end)),
    )


def test_the_delay_counts_from_the_attempts_end() -> None:
    assert retry.next_start([attempt(0, "Failed"), attempt(1, "Failed")], later(0)) == later(120)


def test_disruptions_do_not_lengthen_the_delay_after_a_failure() -> None:
    attempts = [attempt(0, "Disrupted"), attempt(1, "Failed"), attempt(2, "Disrupted"), attempt(3, "Failed")]
    assert retry.next_start(attempts, later(0)) == later(120)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [
        ([attempt(0, "Disrupted", start=99)], 0),
        ([attempt(0, "Disrupted", start=41), attempt(1, "Disrupted", start=40)], 0),
        ([attempt(0, "Disrupted", start=41), attempt(1, "Disrupted", start=41)], 10),
        ([attempt(0, "Disrupted", start=None), attempt(1, "Disrupted", start=None)], 10),
        ([attempt(count, "Disrupted", start=99) for count in range(3)], 20),
        ([attempt(count, "Disrupted", start=99) for count in range(50)], 360),
        ([attempt(0, "Disrupted", start=99), attempt(1, "Failed", start=99), attempt(2, "Disrupted", start=99)], 0),
    ],
)
def test_a_disruption_waits_only_where_one_follows_the_other_at_once(attempts: list[Attempt], seconds: float) -> None:
    assert retry.next_start(attempts, later(0)) == later(100 + seconds)


@pytest.mark.parametrize(("failures", "limit", "over"), [(1, 0, True), (1, 1, False), (3, 3, False), (4, 3, True)])
def test_one_attempt_more_than_the_limit_is_made(failures: int, limit: int, over: bool) -> None:
    assert retry.exhausted(failures, limit) is over


def test_a_failed_attempt_is_recorded_and_the_next_waits_for_its_time() -> None:
    run = begin()
    run.at(2).job_runs()
    plan = run.at(30).job_fails("Traceback ...", exit_code=2)
    (attempt,) = run.status["attempts"]
    assert attempt["outcome"] == "Failed"
    assert (attempt["reason"], attempt["message"], attempt["exitCode"]) == ("Error", "Traceback ...", 2)
    assert run.status["phase"] == "Retrying"
    assert condition(run.obj, "Ready")["reason"] == "BackingOff"
    assert condition(run.obj, "Reconciling")["status"] == "True"
    assert plan.requeue_after == 10.0
    assert len(run.cluster.world.all(JOBS)) == 1


def test_the_words_of_the_wait_hold_still_and_name_its_end() -> None:
    run = begin(backoffLimit=3)
    run.at(2).job_fails("Traceback ...", exit_code=2)
    run.at(5).settle()
    failed = "attempt 0 failed: Error (exit code 2): Traceback ..."
    assert condition(run.obj, "Ready")["message"] == (
        f"{failed}; attempt 1 starts at {timestamp(later(12))} (failure 1 of at most 3){LOGS}"
    )


@pytest.mark.parametrize(("at", "jobs"), [(11.5, 1), (12, 2), (13, 2)])
def test_the_next_attempt_starts_at_its_moment_and_not_before(at: float, jobs: int) -> None:
    run = begin()
    run.at(2).job_fails()
    run.at(at).settle()
    assert len(run.cluster.world.all(JOBS)) == jobs


@pytest.mark.parametrize(
    ("limit", "message", "code", "words"),
    [
        (0, "no memory", 3, "1 attempt failed, at most 1 are made; the last: Error (exit code 3): no memory"),
        (1, "no memory", 3, "2 attempts failed, at most 2 are made; the last: Error (exit code 3): no memory"),
    ],
)
def test_the_end_names_the_number_of_attempts_and_the_last_failure(
    limit: int, message: str, code: int, words: str
) -> None:
    run = begin(backoffLimit=limit)
    for attempt in range(limit + 1):
        run.at(2 + 100 * attempt).settle()
        run.job_fails(message, exit_code=code)
    assert condition(run.obj, "Failed")["message"] == words + LOGS


def test_no_attempt_waits_for_a_clock_that_is_ahead_of_ours() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(3605).cluster.store(job_ended(run.job, at=later(3605), succeeded=False))
    run.cluster.pods[run.job["metadata"]["name"]] = [failed_pod(run.job, "", exit_code=1)]
    plan = run.at(5).settle()
    assert plan.requeue_after == 10.0
    assert run.status["ranSeconds"] == 3
    run.at(15).settle()
    assert len(run.cluster.world.all(JOBS)) == 2


def test_the_next_attempt_is_a_new_job_with_its_own_run_uid() -> None:
    run = begin(output={"uri": "pvc://store/runs"})
    run.at(2).job_fails()
    run.at(12).settle()
    first, second = run.cluster.world.all(JOBS)
    assert first["metadata"]["name"].startswith("digits-0-")
    assert second["metadata"]["name"].startswith("digits-1-")
    env = {entry["name"]: entry.get("value") for entry in second["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["MLOPS_RUN_UID"] == "uid-of-digits-1"
    assert env["MLOPS_ATTEMPT"] == "1"
    assert env["MLOPS_OUTPUT_URI"] is not None
    assert env["MLOPS_OUTPUT_URI"].endswith("/1")


def test_the_last_failed_attempt_is_the_end() -> None:
    run = begin(backoffLimit=1)
    run.at(2).job_fails()
    run.at(20).settle()
    run.at(25).job_fails("out of luck", exit_code=3)
    assert run.status["phase"] == "Failed"
    assert condition(run.obj, "Failed")["reason"] == "BackoffLimitExceeded"
    assert "out of luck" in condition(run.obj, "Stalled")["message"]
    assert run.at(10_000).settle().actions == ()
    assert len(run.cluster.world.all(JOBS)) == 2


def test_a_limit_lowered_while_waiting_is_obeyed() -> None:
    run = begin(backoffLimit=3)
    run.at(2).job_fails()
    run.edit(backoffLimit=0)
    assert run.status["phase"] == "Failed"
    assert run.status["observedGeneration"] == 2


def test_a_limit_raised_after_the_end_changes_nothing() -> None:
    run = begin(backoffLimit=0)
    run.at(2).job_fails()
    run.edit(backoffLimit=5)
    assert run.status["phase"] == "Failed"
    assert run.status["observedGeneration"] == 2
    assert len(run.cluster.world.all(JOBS)) == 1


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("DataCorrupt", "DataCorrupt"),
        ("ArtifactCorrupt", "DataCorrupt"),
        ("DataInvalid", "DataInvalid"),
        ("ConfigurationInvalid", "ConfigurationInvalid"),
    ],
)
def test_a_failure_that_the_next_attempt_would_meet_again_is_final(word: str, reason: str) -> None:
    run = begin()
    run.at(2).job_fails(json.dumps({"reason": word, "message": "row 7"}), exit_code=4)
    assert run.status["phase"] == "Failed"
    assert condition(run.obj, "Failed")["reason"] == reason
    assert run.status["attempts"][0]["reason"] == word
    assert run.status["attempts"][0]["message"] == "row 7"


@pytest.mark.parametrize("word", ["ArtifactUnreachable", "DataChanged", "WorkloadFailed"])
def test_a_failure_that_may_pass_is_tried_again(word: str) -> None:
    run = begin()
    run.at(2).job_fails(json.dumps({"reason": word, "message": "m"}))
    assert run.status["phase"] == "Retrying"


def test_each_failed_attempt_is_told() -> None:
    run = begin(backoffLimit=2)
    run.at(2).job_fails()
    run.at(20).settle()
    run.at(21).job_fails()
    assert run.events == ["Retrying", "Retrying"]


def test_an_edited_spec_applies_to_the_next_attempt_only() -> None:
    run = begin(parameters={"c": 1})
    run.at(2).job_runs()
    run.edit(parameters={"c": 2})
    assert len(run.cluster.world.all(JOBS)) == 1
    run.at(3).job_fails()
    run.at(20).settle()
    run.at(21).job_runs()
    first, second = run.status["attempts"]
    assert (first["generation"], second["generation"]) == (1, 2)


def test_a_later_attempt_whose_job_is_deleted_while_it_runs_is_made_again_at_once() -> None:
    run = begin()
    run.at(2).job_fails()
    run.at(20).settle()
    run.at(21).job_runs()
    run.cluster.world.remove(run.job)
    run.at(40).settle()
    assert [attempt["index"] for attempt in run.status["attempts"]] == [0, 1]
    assert len(run.cluster.world.all(JOBS)) == 2
    assert condition(run.obj, "Ready")["reason"] == "Starting"
