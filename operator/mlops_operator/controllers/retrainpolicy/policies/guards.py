# SPDX-License-Identifier: Apache-2.0
"""Guards of a RetrainPolicy: the conditions under which a trigger starts no training.

A training in flight and a user's hold come first. Of the guards that end by time the one that
ends last is recorded, because no earlier end lets anything start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.retrainguard import Backoff, Budget, CircuitBreaker, Guard
from mlops_operator.api.retrainpolicy import (
    RESUME_ANNOTATION,
    TRIGGER_ANNOTATION,
    Decision,
    DecisionReason,
    Hold,
    RetrainPolicyStatus,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.retrainpolicy.policies.budget import budget_end


class Circuit(Enum):
    """State of the circuit breaker."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()
    """One trial training may start."""


@dataclass(frozen=True)
class Objection:
    """Why a trigger is skipped.

    Attributes:
        until: when the guard ends; None where it does not end by time.
    """

    reason: DecisionReason
    message: str
    until: datetime | None = None


def objection(status: RetrainPolicyStatus, guard: Guard, *, manual: bool, now: datetime) -> Objection | None:
    """The reason why nothing starts now; None if a training may start.

    Args:
        status: decisions and the state of the guards.
        guard: the guards of the spec.
        manual: whether a user triggers by the annotation; only a training in flight applies then.
        now: the time.
    """
    first = in_flight(status.decisions)
    if first is not None or manual:
        return first
    if status.held_by is not None:
        return held(status.held_by)
    timed = (
        circuit_open(status, guard.circuit_breaker, now=now),
        backing_off(status, guard.backoff, now=now),
        over_budget(status.recent_starts, guard.budget, now=now),
        cooling_down(status.last_started, cooldown=seconds(guard.cooldown), now=now),
    )
    found = [entry for entry in timed if entry is not None]
    return max(found, key=lambda entry: entry.until or now, default=None)


def in_flight(decisions: Sequence[Decision]) -> Objection | None:
    """One training at a time: until the last one's version is promoted, rejected or lost."""
    for decision in decisions:
        if decision.open:
            message = f"TrainingJob {decision.training_job}, started by {decision.trigger}, is in progress"
            return Objection(DecisionReason.IN_FLIGHT, message)
    return None


def held(hold: Hold) -> Objection:
    """A user moved the alias by a Promotion: signals and schedules do not override that."""
    return Objection(DecisionReason.HELD_BY_USER, hold_message(hold))


def hold_message(hold: Hold) -> str:
    """Which Promotion the policy is held by, and how to resume."""
    return (
        f"Promotion {hold.promotion} moved the alias to {hold.version} at {hold.since}: signals and schedules start"
        f" nothing until the annotation {RESUME_ANNOTATION} is set to a new value or a later version is promoted;"
        f" the annotation {TRIGGER_ANNOTATION} starts a training nevertheless"
    )


def circuit_end(status: RetrainPolicyStatus, breaker: CircuitBreaker) -> datetime | None:
    """When the circuit becomes half-open; None while it is closed. From then on one trial training may start."""
    if status.last_failure is None or status.consecutive_failures < breaker.failure_threshold:
        return None
    return parse_timestamp(status.last_failure) + timedelta(seconds=seconds(breaker.open_duration))


def circuit(status: RetrainPolicyStatus, breaker: CircuitBreaker, *, now: datetime) -> Circuit:
    """State of the circuit breaker."""
    end = circuit_end(status, breaker)
    if end is None:
        return Circuit.CLOSED
    return Circuit.HALF_OPEN if now >= end else Circuit.OPEN


def circuit_open(status: RetrainPolicyStatus, breaker: CircuitBreaker, *, now: datetime) -> Objection | None:
    """The circuit is open."""
    end = circuit_end(status, breaker)
    if end is None or now >= end:
        return None
    message = (
        f"{failures(status)}: the circuit is open, and one trial training may start at {timestamp(end)}; find the"
        f" cause in status.decisions, then set the annotation {RESUME_ANNOTATION} to a new value, or start a training"
        f" by the annotation {TRIGGER_ANNOTATION}, whose promotion closes the circuit"
    )
    return Objection(DecisionReason.CIRCUIT_OPEN, message, end)


def backoff_delay(backoff: Backoff, failed: int) -> int:
    """Wait after a number of consecutive failures, in seconds: `min(cap, initial * factor^(failed - 1))`.

    Args:
        backoff: initial, factor and cap.
        failed: consecutive failures, at least 1.
    """
    delay, cap = seconds(backoff.initial), seconds(backoff.cap)
    for _ in range(failed - 1):
        if delay >= cap or backoff.factor == 1:
            break
        delay *= backoff.factor
    return min(cap, delay)


def backing_off(status: RetrainPolicyStatus, backoff: Backoff, *, now: datetime) -> Objection | None:
    """A wait after failures that doubles, or as `factor` says, with each further one."""
    if status.last_failure is None or status.consecutive_failures == 0:
        return None
    delay = backoff_delay(backoff, status.consecutive_failures)
    end = parse_timestamp(status.last_failure) + timedelta(seconds=delay)
    if now >= end:
        return None
    message = f"{failures(status)}: the next training may start at {timestamp(end)}, after a backoff of {delay} s"
    return Objection(DecisionReason.BACKOFF, message, end)


def over_budget(starts: Sequence[str], budget: Budget, *, now: datetime) -> Objection | None:
    """No run is left in the period."""
    end = budget_end(starts, budget)
    if end is None or now >= end:
        return None
    message = (
        f"{len(starts)} trainings started in the last {budget.per}, expected at most {budget.runs}:"
        f" the next may start at {timestamp(end)}"
    )
    return Objection(DecisionReason.BUDGET_EXHAUSTED, message, end)


def cooling_down(last_started: str | None, *, cooldown: int, now: datetime) -> Objection | None:
    """Least time between the starts of two trainings."""
    if not last_started:
        return None
    end = parse_timestamp(last_started) + timedelta(seconds=cooldown)
    if now >= end:
        return None
    message = f"the last training started at {last_started}, the next may at {timestamp(end)}"
    return Objection(DecisionReason.COOLDOWN, message, end)


def failures(status: RetrainPolicyStatus) -> str:
    """The consecutive failures, as the beginning of a message."""
    count = status.consecutive_failures
    return (
        f"{count} consecutive training{'s' if count > 1 else ''} ended without a promotion, the last at"
        f" {status.last_failure}"
    )
