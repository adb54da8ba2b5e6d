# SPDX-License-Identifier: Apache-2.0
"""Failures in a row: backoff, circuit breaker and budget, from the first failure to the recovery."""

from datetime import timedelta

import pytest

from mlops_operator.kube.resources import MODEL_MONITORS, RETRAIN_POLICIES
from tests.unit.controllers.builders import ToyCluster, condition
from tests.unit.controllers.retrainpolicy.scene import (
    NAME,
    ask,
    cluster,
    decisions,
    fail,
    monitor,
    ready,
    resume,
    run_through,
    settle,
    status,
    step_forward,
    trainings,
)

HOUR = 3600.0
DAY = 24 * HOUR


def after_failures(count: int, **spec: object) -> ToyCluster:
    """Trainings that failed one after the other, as soon as the guards let them start."""
    toy = cluster("TT", **spec)
    settle(toy)
    fail(toy)
    while len(trainings(toy)) < count:
        step_forward(toy, HOUR)
        settle(toy)
        if any("status" not in job for job in trainings(toy)):
            fail(toy)
    return toy


def skipped(toy: ToyCluster) -> str:
    decision = decisions(toy)[-1]
    assert decision["outcome"] == "Skipped"
    return str(decision["reason"])


def test_the_wait_doubles_with_each_failure() -> None:
    toy = cluster("TT")
    settle(toy)
    fail(toy)
    for hours in (1, 2, 4):
        step_forward(toy, hours * HOUR - 1)
        count = len(trainings(toy))
        assert settle(toy).requeue_after == 1
        assert (skipped(toy), len(trainings(toy))) == ("Backoff", count)
        step_forward(toy, 1)
        settle(toy)
        assert len(trainings(toy)) == count + 1
        fail(toy)
    assert status(toy)["consecutiveFailures"] == 4
    assert "4 consecutive trainings ended without a promotion" in ready(toy)["message"]


def test_a_promotion_resets_the_wait() -> None:
    toy = after_failures(3)
    step_forward(toy, 4 * HOUR)
    settle(toy)
    run_through(toy)
    assert "consecutiveFailures" not in status(toy)
    assert "lastFailure" not in status(toy)
    step_forward(toy, HOUR)
    settle(toy)
    assert len(trainings(toy)) == 5


def test_failed_gates_count_as_failed_trainings_do() -> None:
    toy = cluster("TT")
    settle(toy)
    run_through(toy, phase="Rejected")
    assert status(toy)["consecutiveFailures"] == 1
    step_forward(toy, HOUR - 1)
    settle(toy)
    assert skipped(toy) == "Backoff"


def test_the_circuit_opens_and_says_so() -> None:
    toy = after_failures(5)
    assert status(toy)["phase"] == "CircuitOpen"
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "CircuitOpen")
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["status"] == "True"
    events = [(event.type.value, event.reason) for event in toy.events]
    assert events.count(("Warning", "CircuitOpen")) == 1
    step_forward(toy, DAY)
    settle(toy)
    assert (skipped(toy), len(trainings(toy))) == ("CircuitOpen", 5)
    assert [(event.type.value, event.reason) for event in toy.events].count(("Warning", "CircuitOpen")) == 1


@pytest.mark.parametrize(("seconds", "started"), [(7 * DAY - 1, 5), (7 * DAY, 6), (7 * DAY + 1, 6)])
def test_half_open_one_trial_starts_and_its_failure_opens_it_again(seconds: float, started: int) -> None:
    toy = after_failures(5)
    step_forward(toy, seconds)
    settle(toy)
    assert len(trainings(toy)) == started
    if started == 6:
        assert status(toy)["phase"] == "Training"
        fail(toy)
        assert status(toy)["phase"] == "CircuitOpen"
        step_forward(toy, 6 * DAY)
        settle(toy)
        assert (skipped(toy), len(trainings(toy))) == ("CircuitOpen", 6)


def test_half_open_without_a_trigger_it_is_ready_and_says_that_the_next_is_a_trial() -> None:
    toy = after_failures(5, guard={"budget": {"per": "8760h"}})
    toy.world.remove(toy.get(MODEL_MONITORS, "accuracy"))
    toy.world.put(monitor())
    assert settle(toy).requeue_after == 7 * DAY
    toy.now += timedelta(days=7)
    assert settle(toy).requeue_after != 0.0, "what has changed by now is no reason to look again"
    assert status(toy)["phase"] == "Idle"
    assert "the circuit is half-open: the next training is a trial" in ready(toy)["message"]


def test_a_trial_that_ends_in_a_promotion_closes_the_circuit() -> None:
    toy = after_failures(5)
    step_forward(toy, 7 * DAY)
    settle(toy)
    run_through(toy)
    assert status(toy)["phase"] == "Idle"
    assert "consecutiveFailures" not in status(toy)


def test_a_manual_training_that_ends_in_a_promotion_closes_the_circuit() -> None:
    toy = after_failures(5)
    ask(toy, "please")
    settle(toy)
    assert len(trainings(toy)) == 6
    run_through(toy)
    assert (status(toy)["phase"], "consecutiveFailures" in status(toy)) == ("Idle", False)


def test_the_resume_annotation_closes_the_circuit_once() -> None:
    toy = after_failures(5)
    resume(toy, "fixed")
    settle(toy)
    assert status(toy)["phase"] == "Idle"
    assert status(toy)["handledResume"] == "fixed"
    step_forward(toy, HOUR)
    settle(toy)
    assert len(trainings(toy)) == 6
    fail(toy)
    assert status(toy)["consecutiveFailures"] == 1


# -- budget --------------------------------------------------------------------------------

TIGHT = {"cooldown": "1m", "budget": {"runs": 3, "per": "24h"}}


def successes(toy: ToyCluster, count: int) -> None:
    for i in range(count):
        settle(toy)
        run_through(toy, version=f"digits-{i}{len(trainings(toy))}")
        step_forward(toy, HOUR)


def test_the_budget_counts_starts_and_is_given_back_as_the_period_slides() -> None:
    toy = cluster("TT", guard=TIGHT)
    successes(toy, 3)
    settle(toy)
    assert (skipped(toy), status(toy)["budgetUsed"]) == ("BudgetExhausted", 3)
    assert "3 trainings started in the last 24h, expected at most 3" in decisions(toy)[-1]["message"]
    step_forward(toy, 21 * HOUR - 1)
    settle(toy)
    assert len(trainings(toy)) == 3
    step_forward(toy, 1)
    settle(toy)
    assert (len(trainings(toy)), status(toy)["budgetUsed"]) == (4, 3)


def test_the_budget_survives_a_history_that_is_full() -> None:
    toy = cluster(
        guard={"cooldown": "0s", "budget": {"runs": 30, "per": "24h"}, "circuitBreaker": {"failureThreshold": 100}}
    )
    for i in range(30):
        toy.now += timedelta(minutes=1)
        ask(toy, str(i))
        settle(toy)
        fail(toy)
    assert (len(decisions(toy)), status(toy)["budgetUsed"]) == (20, 30)
    resume(toy, "no backoff")
    settle(toy)
    step_forward(toy, 300)
    settle(toy)
    assert skipped(toy) == "BudgetExhausted"


def test_a_manual_training_counts_and_starts_beyond_the_budget() -> None:
    toy = cluster("TT", guard=TIGHT)
    successes(toy, 3)
    ask(toy, "please")
    settle(toy)
    assert (len(trainings(toy)), status(toy)["budgetUsed"]) == (4, 4)


def test_a_start_whose_status_was_lost_counts_once() -> None:
    toy = cluster("TT")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before)
    settle(toy)
    assert (len(trainings(toy)), status(toy)["budgetUsed"]) == (1, 1)


def test_the_budget_used_is_brought_up_to_date_without_a_trigger() -> None:
    toy = cluster("TT")
    settle(toy)
    started = toy.now
    run_through(toy)
    toy.world.put(monitor())
    toy.now = started + timedelta(days=1)
    assert settle(toy).requeue_after == 6 * DAY
    toy.now = started + timedelta(days=7)
    settle(toy)
    assert "budgetUsed" not in status(toy)
    assert settle(toy).requeue_after is None
