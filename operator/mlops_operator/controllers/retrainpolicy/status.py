"""The status that follows from what a plan found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import STALLED, Outcome, contract, find, is_true, ready, stalled
from mlops_operator.api.retrainpolicy import (
    Decision,
    DecisionOutcome,
    DecisionResult,
    PolicyPhase,
    PolicyReason,
    RetrainPolicyStatus,
)
from mlops_operator.controllers.shared.events import event, transition_events
from mlops_operator.runtime.plan import Event

ACTION: Final = "Retrain"
"""What events say the controller was doing."""

HELD: Final = frozenset({PolicyReason.INVALID_POD_TEMPLATE, PolicyReason.NAME_TAKEN})
"""Reasons after which nothing is tried until the spec changes."""

_QUIET: Final = (PolicyReason.IDLE, PolicyReason.TRAINING, PolicyReason.PROMOTING)
_WARNINGS: Final = (
    PolicyReason.MODEL_NOT_FOUND,
    PolicyReason.ALIAS_NOT_FOUND,
    PolicyReason.MONITOR_NOT_FOUND,
    PolicyReason.FORBIDDEN,
)
_GOOD: Final = (DecisionResult.PROMOTED, DecisionResult.TRAINED)


def held(status: RetrainPolicyStatus, *, generation: int) -> Outcome | None:
    """The stall that this very spec ran into, which is not tried again; None where there is none."""
    condition = find(status.conditions, STALLED)
    if condition is None or not is_true(status.conditions, STALLED):
        return None
    if condition.reason not in HELD or status.observed_generation != generation:
        return None
    return stalled(condition.reason, condition.message)


def phase_of(status: RetrainPolicyStatus, *, suspended: bool) -> PolicyPhase:
    """One word on what is under way."""
    if suspended:
        return PolicyPhase.SUSPENDED
    under_way = next((decision for decision in status.decisions if decision.open), None)
    if under_way is None:
        return PolicyPhase.IDLE
    return PolicyPhase.PROMOTING if under_way.promotion else PolicyPhase.TRAINING


def outcome_of(status: RetrainPolicyStatus, phase: PolicyPhase) -> Outcome:
    """How the policy is, where nothing is in its way: a policy that waits for a reason is as it should be."""
    under_way = next((decision for decision in status.decisions if decision.open), None)
    if phase is PolicyPhase.SUSPENDED:
        return ready(PolicyReason.SUSPENDED, "nothing starts")
    if under_way is None:
        return ready(PolicyReason.IDLE, "no training is under way")
    if phase is PolicyPhase.TRAINING:
        return ready(PolicyReason.TRAINING, f"TrainingJob {under_way.training_job}, by {under_way.trigger}")
    return ready(PolicyReason.PROMOTING, f"Promotion {under_way.promotion} of {under_way.model_version}")


def final_status(
    status: RetrainPolicyStatus, phase: PolicyPhase, outcome: Outcome, *, generation: int, now: datetime
) -> RetrainPolicyStatus:
    """The complete status."""
    return status.replace(
        observed_generation=generation,
        phase=phase.value,
        conditions=contract(status.conditions, outcome, generation=generation, now=now),
    )


def events_between(before: RetrainPolicyStatus, after: RetrainPolicyStatus) -> tuple[Event, ...]:
    """What a person wants to hear of: starts, new kinds of skips, results, and what is in the way."""
    return (
        *_decision_events(before.decisions, after.decisions),
        *transition_events(before, after, action=ACTION, quiet=_QUIET, warnings=_WARNINGS),
    )


def _decision_events(before: Sequence[Decision], after: Sequence[Decision]) -> tuple[Event, ...]:
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
