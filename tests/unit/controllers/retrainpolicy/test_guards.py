# SPDX-License-Identifier: Apache-2.0
"""Guards: when a trigger starts no training, why, and until when."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainguard import MAX_RUNS, Backoff, Budget, CircuitBreaker, Guard
from mlops_operator.api.retrainpolicy import Decision, DecisionReason, DecisionResult, Hold, RetrainPolicyStatus
from mlops_operator.controllers.retrainpolicy.policies.budget import budget_end, next_change, recent, with_recent_start
from mlops_operator.controllers.retrainpolicy.policies.failures import with_results
from mlops_operator.controllers.retrainpolicy.policies.guards import (
    Circuit,
    backing_off,
    backoff_delay,
    circuit,
    circuit_open,
    cooling_down,
    in_flight,
    objection,
    over_budget,
)
from tests.unit.controllers.builders import NOW, later

HOUR = 3600
DAY = 24 * HOUR


def decision(**fields: object) -> Decision:
    values = {"id": "1", "trigger": "t", "time": timestamp(NOW), "outcome": "Started", "reason": "x", **fields}
    return Decision.model_validate(values)


def failed(count: int, *, at: float = 0) -> RetrainPolicyStatus:
    return RetrainPolicyStatus(consecutive_failures=count, last_failure=timestamp(later(at)) if count else None)


# -- one in flight -------------------------------------------------------------------------


def test_a_training_in_progress_objects() -> None:
    found = in_flight([decision(trainingJob="policy-1")])
    assert found is not None
    assert "policy-1" in found.message


def test_a_training_that_has_ended_and_a_skipped_trigger_do_not_object() -> None:
    assert in_flight([decision(result="Promoted"), decision(outcome="Skipped")]) is None


# -- cooldown ------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "objects"), [(299, True), (300, False), (301, False)])
def test_the_cooldown_counts_from_the_last_start_and_names_its_end(after: int, objects: bool) -> None:
    found = cooling_down(timestamp(NOW), cooldown=300, now=later(after))
    assert (found is not None) == objects
    if found is not None:
        assert found.until == later(300)
        assert timestamp(later(300)) in found.message


def test_without_a_start_there_is_no_cooldown() -> None:
    assert cooling_down(None, cooldown=300, now=NOW) is None


# -- backoff -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failures", "delay"),
    [(1, HOUR), (2, 2 * HOUR), (3, 4 * HOUR), (5, 16 * HOUR), (6, 24 * HOUR), (7, 24 * HOUR), (10_000, 24 * HOUR)],
)
def test_the_backoff_doubles_up_to_its_cap(failures: int, delay: int) -> None:
    assert backoff_delay(Backoff(), failures) == delay


@pytest.mark.parametrize(
    ("backoff", "failures", "delay"),
    [
        (Backoff(initial="10m", factor=3, cap="2h"), 3, 5400),
        (Backoff(initial="10m", factor=3, cap="2h"), 4, 7200),
        (Backoff(initial="10m", factor=1), 50, 600),
        (Backoff(initial="0s"), 50, 0),
        (Backoff(initial="1h", cap="1h"), 2, HOUR),
    ],
)
def test_initial_factor_and_cap_are_fields(backoff: Backoff, failures: int, delay: int) -> None:
    assert backoff_delay(backoff, failures) == delay


@pytest.mark.parametrize(("after", "objects"), [(HOUR - 1, True), (HOUR, False), (HOUR + 1, False)])
def test_the_backoff_counts_from_the_end_of_the_last_failure(after: int, objects: bool) -> None:
    found = backing_off(failed(1), Backoff(), now=later(after))
    assert (found is not None) == objects
    if found is not None:
        assert found.reason is DecisionReason.BACKOFF
        assert "1 consecutive training ended" in found.message
        assert timestamp(later(HOUR)) in found.message


def test_without_a_failure_there_is_no_backoff() -> None:
    assert backing_off(failed(0), Backoff(), now=NOW) is None


# -- circuit breaker -----------------------------------------------------------------------


@pytest.mark.parametrize(("count", "state"), [(4, Circuit.CLOSED), (5, Circuit.OPEN), (6, Circuit.OPEN)])
def test_the_circuit_opens_at_the_threshold(count: int, state: Circuit) -> None:
    assert circuit(failed(count), CircuitBreaker(), now=NOW) is state


@pytest.mark.parametrize(
    ("after", "state"), [(7 * DAY - 1, Circuit.OPEN), (7 * DAY, Circuit.HALF_OPEN), (7 * DAY + 1, Circuit.HALF_OPEN)]
)
def test_the_circuit_is_half_open_after_the_open_duration(after: int, state: Circuit) -> None:
    assert circuit(failed(5), CircuitBreaker(), now=later(after)) is state
    found = circuit_open(failed(5), CircuitBreaker(), now=later(after))
    assert (found is not None) == (state is Circuit.OPEN)
    if found is not None:
        assert found.reason is DecisionReason.CIRCUIT_OPEN
        assert found.until == later(7 * DAY)
        for part in ("5 consecutive trainings", timestamp(later(7 * DAY)), "mlops-operator.io/resume"):
            assert part in found.message


def test_a_failed_trial_opens_the_circuit_again() -> None:
    status = with_results(
        failed(5), [decision(result="Rejected", completedAt=timestamp(later(8 * DAY)), trainingJob="trial")]
    )
    assert circuit(status, CircuitBreaker(), now=later(8 * DAY)) is Circuit.OPEN
    assert circuit(status, CircuitBreaker(), now=later(15 * DAY)) is Circuit.HALF_OPEN


@pytest.mark.parametrize(
    ("result", "failures"),
    [
        (DecisionResult.PROMOTED, 0),
        (DecisionResult.TRAINED, 0),
        (DecisionResult.HELD_BY_USER, 3),
        (DecisionResult.REJECTED, 4),
        (DecisionResult.SUPERSEDED, 4),
        (DecisionResult.TRAINING_FAILED, 4),
        (DecisionResult.VERSION_FAILED, 4),
        (DecisionResult.PROMOTION_DELETED, 4),
    ],
)
def test_what_counts_as_a_failure(result: DecisionResult, failures: int) -> None:
    status = with_results(failed(3), [decision(result=result, completedAt=timestamp(later(60)))])
    assert status.consecutive_failures == failures
    assert status.last_failure == {0: None, 3: timestamp(NOW), 4: timestamp(later(60))}[failures]


def test_every_result_is_covered_above() -> None:
    assert len(DecisionResult) == 8


# -- budget --------------------------------------------------------------------------------


@pytest.mark.parametrize(("started", "objects"), [(9, False), (10, True), (11, True)])
def test_the_budget_is_exhausted_at_its_runs(started: int, objects: bool) -> None:
    starts = [timestamp(later(60 * i)) for i in range(started)]
    found = over_budget(starts, Budget(), now=later(DAY))
    assert (found is not None) == objects
    if found is not None:
        assert found.reason is DecisionReason.BUDGET_EXHAUSTED
        assert found.until == later(60 * (started - 10) + 7 * DAY)
        assert f"{started} trainings started in the last 168h, expected at most 10" in found.message


@pytest.mark.parametrize(("age", "counts"), [(3599, True), (3600, False), (3601, False)])
def test_a_start_leaves_the_budget_after_the_period(age: int, counts: bool) -> None:
    starts = (timestamp(NOW),)
    assert (recent(starts, Budget(runs=1, per="1h"), now=later(age)) == starts) == counts
    assert (over_budget(starts, Budget(runs=1, per="1h"), now=later(age)) is not None) == counts


def test_a_run_is_available_when_enough_starts_have_left_the_period() -> None:
    starts = [timestamp(later(60 * i)) for i in range(5)]
    assert budget_end(starts, Budget(runs=2, per="1h")) == later(180 + HOUR)
    assert next_change(starts, Budget(runs=2, per="1h")) == later(HOUR)
    assert next_change((), Budget()) is None


def test_the_start_times_are_bounded_and_the_newest_stay() -> None:
    starts: tuple[str, ...] = ()
    for i in range(MAX_RUNS + 20):
        starts = with_recent_start(starts, timestamp(later(i)))
    assert len(starts) == MAX_RUNS
    assert (starts[0], starts[-1]) == (timestamp(later(20)), timestamp(later(MAX_RUNS + 19)))


# -- together ------------------------------------------------------------------------------

HOLD = Hold(promotion="back", promotion_uid="u", version="v1", since=timestamp(NOW))


def everything(**changes: object) -> RetrainPolicyStatus:
    """A status to which every guard objects at `NOW`: the circuit until 168h, the budget until 168h less a minute."""
    fields: dict[str, object] = {
        "decisions": (decision(),),
        "held_by": HOLD,
        "last_started": timestamp(NOW),
        "recent_starts": tuple(timestamp(later(-60)) for _ in range(10)),
        **changes,
    }
    return failed(5).replace(**fields)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, DecisionReason.IN_FLIGHT),
        ({"decisions": ()}, DecisionReason.HELD_BY_USER),
        ({"decisions": (), "held_by": None}, DecisionReason.CIRCUIT_OPEN),
        ({"decisions": (), "held_by": None, "consecutive_failures": 4}, DecisionReason.BUDGET_EXHAUSTED),
        (
            {"decisions": (), "held_by": None, "consecutive_failures": 4, "recent_starts": ()},
            DecisionReason.BACKOFF,
        ),
        (
            {"decisions": (), "held_by": None, "consecutive_failures": 0, "recent_starts": ()},
            DecisionReason.COOLDOWN,
        ),
        (
            {"decisions": (), "held_by": None, "consecutive_failures": 0, "recent_starts": (), "last_started": None},
            None,
        ),
    ],
)
def test_the_guard_that_ends_last_is_the_reason(changes: dict[str, object], reason: DecisionReason | None) -> None:
    found = objection(everything(**changes), Guard(), manual=False, now=NOW)
    assert (found.reason if found else None) is reason


def test_the_manual_trigger_waits_for_a_training_in_progress_alone() -> None:
    found = objection(everything(), Guard(), manual=True, now=NOW)
    assert found is not None
    assert found.reason is DecisionReason.IN_FLIGHT
    assert objection(everything(decisions=()), Guard(), manual=True, now=NOW) is None
