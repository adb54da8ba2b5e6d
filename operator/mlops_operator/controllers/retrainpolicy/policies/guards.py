"""What keeps a trigger from starting a training, asked in this order; the first objection counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.retrainpolicy import Decision, DecisionReason


@dataclass(frozen=True)
class Objection:
    """Why a trigger is skipped."""

    reason: DecisionReason
    message: str


def in_flight(decisions: Sequence[Decision]) -> Objection | None:
    """One training at a time: until the last one's version is promoted, rejected or lost."""
    for decision in decisions:
        if decision.open:
            message = f"TrainingJob {decision.training_job}, started by {decision.trigger}, is under way"
            return Objection(DecisionReason.IN_FLIGHT, message)
    return None


def cooldown_end(last_started: str | None, *, cooldown: int) -> datetime | None:
    """When the cooldown after the last start ends; None where nothing was started."""
    return parse_timestamp(last_started) + timedelta(seconds=cooldown) if last_started else None


def cooling_down(last_started: str | None, *, cooldown: int, now: datetime) -> Objection | None:
    """Some time between the starts of two trainings."""
    end = cooldown_end(last_started, cooldown=cooldown)
    if end is None or now >= end:
        return None
    message = f"the last training started at {last_started}, the next may at {timestamp(end)}"
    return Objection(DecisionReason.COOLDOWN, message)
