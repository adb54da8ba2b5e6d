# SPDX-License-Identifier: Apache-2.0
"""Whether the attempts or the running time of a TrainingJob are used up."""

from collections.abc import Sequence
from datetime import datetime

from mlops_operator.api.trainingjob import (
    Attempt,
    AttemptOutcome,
    TrainingJobSpec,
    TrainingJobStatus,
    TrainingReason,
)
from mlops_operator.controllers.trainingjob.policies import deadline, retry
from mlops_operator.controllers.trainingjob.policies.failure import Cause


def exceeded(
    spec: TrainingJobSpec, status: TrainingJobStatus, ended: Sequence[Attempt], now: datetime
) -> tuple[TrainingReason, str] | None:
    """The limit that allows no further attempt, as reason and message; None where there is none.

    Args:
        spec: the limits.
        status: how long it has run.
        ended: the attempts that have ended; at least one.
        now: the time.
    """
    failures, disruptions = (
        sum(attempt.outcome == outcome for attempt in ended)
        for outcome in (AttemptOutcome.FAILED, AttemptOutcome.DISRUPTED)
    )
    last = ending(ended[-1])
    if retry.exhausted(failures, spec.backoff_limit):
        message = f"{_attempts(failures)} failed, at most {spec.backoff_limit + 1} are made; the last: {last}"
        return TrainingReason.BACKOFF_LIMIT_EXCEEDED, message
    if retry.exhausted(disruptions, spec.disruption_limit):
        message = (
            f"{_attempts(disruptions)} disrupted, and disruptionLimit is {spec.disruption_limit}; the last: {last}"
        )
        return TrainingReason.DISRUPTION_LIMIT_EXCEEDED, message
    if deadline.exceeded(spec.active_deadline_seconds, status, now):
        return TrainingReason.DEADLINE_EXCEEDED, f"{running_time(spec)}; the last attempt: {last}"
    return None


def ending(attempt: Attempt) -> str:
    """How an attempt ended, in words."""
    return str(Cause(attempt.reason, attempt.message, attempt.exit_code))


def running_time(spec: TrainingJobSpec) -> str:
    """That the running time is used up, in words."""
    return f"it has run for its activeDeadlineSeconds of {spec.active_deadline_seconds} s"


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"
