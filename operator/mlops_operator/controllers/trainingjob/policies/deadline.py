# SPDX-License-Identifier: Apache-2.0
"""`activeDeadlineSeconds`: running time over all attempts. Time in a queue, suspended or between attempts is free."""

from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.trainingjob import TrainingJobStatus


def ran(status: TrainingJobStatus, now: datetime) -> float:
    """Seconds it has run so far, the present stretch included."""
    if status.running_since is None:
        return status.ran_seconds
    return status.ran_seconds + max(0.0, (now - parse_timestamp(status.running_since)).total_seconds())


def remaining(limit: int | None, status: TrainingJobStatus, now: datetime) -> float | None:
    """Seconds of running time that are left, not below 0; None without a limit."""
    return None if limit is None else max(0.0, limit - ran(status, now))


def exceeded(limit: int | None, status: TrainingJobStatus, now: datetime) -> bool:
    """Whether all running time is used up."""
    return remaining(limit, status, now) == 0.0
