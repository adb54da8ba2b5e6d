"""When a stopped candidate is tried again.

A revision that became unavailable during its bake may be sound: its node failed, or its pods were
evicted. It is tried again with exponential backoff. Every other stop is final for its revision.
"""

from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.modeldeployment import StoppedCandidate

FIRST_WAIT_SECONDS: Final = 60
"""Wait before the first retry: the node controller has marked a failed node by then, so the scheduler avoids it."""

LONGEST_WAIT_SECONDS: Final = 3600
"""Most seconds between two retries: each of them gives requests to a revision that has failed before."""

_DOUBLINGS: Final = 6
"""Retries after which the wait grows no longer."""


def retry_at(stopped_at: datetime, retries: int) -> datetime:
    """When a candidate that became unavailable is tried again.

    Args:
        retries: how often it has been tried again before.
    """
    wait = FIRST_WAIT_SECONDS * 2 ** min(retries, _DOUBLINGS)
    return stopped_at + timedelta(seconds=min(wait, LONGEST_WAIT_SECONDS))


def seconds_until(stopped: StoppedCandidate | None, now: datetime) -> float | None:
    """Seconds until the candidate is tried again, 0 or less where that is due; None where it is not tried again."""
    if stopped is None or stopped.retry_at is None:
        return None
    return (parse_timestamp(stopped.retry_at) - now).total_seconds()
