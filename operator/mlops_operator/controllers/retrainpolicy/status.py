# SPDX-License-Identifier: Apache-2.0
"""The status that follows from what a plan found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import Outcome, ready, stalled
from mlops_operator.api.retrainguard import CircuitBreaker
from mlops_operator.api.retrainpolicy import (
    Decision,
    DecisionOutcome,
    DecisionResult,
    PolicyPhase,
    PolicyReason,
    RetrainPolicyStatus,
)
from mlops_operator.controllers.retrainpolicy.policies.guards import (
    Circuit,
    circuit,
    circuit_open,
    failures,
    hold_message,
)
from mlops_operator.framework.events import event
from mlops_operator.runtime.work.plan import Event

ACTION: Final = "Retrain"
"""What events say the controller was doing."""

QUIET: Final = (PolicyReason.IDLE, PolicyReason.TRAINING, PolicyReason.PROMOTING)
WARNINGS: Final = (
    PolicyReason.MODEL_NOT_FOUND,
    PolicyReason.ALIAS_NOT_FOUND,
    PolicyReason.MONITOR_NOT_FOUND,
    PolicyReason.FORBIDDEN,
)
_GOOD: Final = (DecisionResult.PROMOTED, DecisionResult.TRAINED)


def phase_of(status: RetrainPolicyStatus, *, suspended: bool, circuit: Circuit) -> PolicyPhase:
    """Summary of the current state.

    Args:
        status: decisions and the state of the guards.
        suspended: whether the spec suspends the policy.
        circuit: state of the circuit breaker.
    """
    if suspended:
        return PolicyPhase.SUSPENDED
    in_flight = next((decision for decision in status.decisions if decision.open), None)
    if in_flight is not None:
        return PolicyPhase.PROMOTING if in_flight.promotion else PolicyPhase.TRAINING
    if status.held_by is not None:
        return PolicyPhase.HELD_BY_USER
    return PolicyPhase.CIRCUIT_OPEN if circuit is Circuit.OPEN else PolicyPhase.IDLE


def outcome_of(status: RetrainPolicyStatus, phase: PolicyPhase, breaker: CircuitBreaker, *, now: datetime) -> Outcome:
    """The outcome where no problem was found: a policy that waits for a trigger, or is held by a user, is Ready."""
    in_flight = next((decision for decision in status.decisions if decision.open), None)
    if phase is PolicyPhase.SUSPENDED:
        return ready(PolicyReason.SUSPENDED, "spec.suspend is true: no training starts")
    if in_flight is not None and phase is PolicyPhase.TRAINING:
        return ready(PolicyReason.TRAINING, f"TrainingJob {in_flight.training_job}, by {in_flight.trigger}")
    if in_flight is not None:
        return ready(PolicyReason.PROMOTING, f"Promotion {in_flight.promotion} of {in_flight.model_version}")
    if status.held_by is not None:
        return ready(PolicyReason.HELD_BY_USER, hold_message(status.held_by))
    opened = circuit_open(status, breaker, now=now)
    if opened is not None:
        return stalled(PolicyReason.CIRCUIT_OPEN, opened.message)
    return ready(PolicyReason.IDLE, _idle(status, half_open=circuit(status, breaker, now=now) is Circuit.HALF_OPEN))


def _idle(status: RetrainPolicyStatus, *, half_open: bool) -> str:
    message = "no training is in progress"
    if status.consecutive_failures:
        message += f"; {failures(status)}"
    return message + ("; the circuit is half-open: the next training is a trial" if half_open else "")


def decision_events(before: Sequence[Decision], after: Sequence[Decision]) -> tuple[Event, ...]:
    """Starts, new kinds of skips, and results."""
    former = {decision.id: decision for decision in before}
    events = []
    for decision in after:
        known = former.get(decision.id)
        if known is None and decision.outcome is DecisionOutcome.STARTED:
            message = f"{decision.trigger}: {decision.message}; TrainingJob {decision.training_job}"
            events.append(event(warning=False, reason="TrainingStarted", message=message, action=ACTION))
        if known is None and decision.outcome is DecisionOutcome.SKIPPED and decision.count == 1:
            message = f"{decision.trigger}: {decision.reason}: {decision.message}"
            events.append(event(warning=False, reason="TriggerSkipped", message=message, action=ACTION))
        if decision.result is not None and (known is None or known.result is None):
            warning = decision.result not in _GOOD
            message = f"{decision.training_job}: {decision.result_message}"
            events.append(event(warning=warning, reason=decision.result, message=message, action=ACTION))
    return tuple(events)
