# SPDX-License-Identifier: Apache-2.0
"""`ttlSecondsAfterFinished`: when a finished TrainingJob is deleted with its children."""

from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp


def remaining(ttl: int | None, completion_time: str | None, now: datetime) -> float | None:
    """Seconds until the deletion, 0 if it is due; None if there is to be none."""
    if ttl is None or completion_time is None:
        return None
    return max(0.0, ttl - (now - parse_timestamp(completion_time)).total_seconds())
