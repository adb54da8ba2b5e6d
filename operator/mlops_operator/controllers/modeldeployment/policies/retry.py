# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a stopped candidate, and when it is tried again.

A revision that became unavailable, in a step or during its bake, may be sound: its node failed, or its pods were
evicted. So may one that was stopped because a connection could not be made. Both are tried again with exponential
backoff. Every other stop is final for its revision.
"""

from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.modeldeployment import Revision, StoppedCandidate

FIRST_WAIT_SECONDS: Final = 60
"""Wait before the first retry: the node controller has marked a failed node by then, so the scheduler avoids it."""

LONGEST_WAIT_SECONDS: Final = 3600
"""Most seconds between two retries: each of them gives requests to a revision that has failed before."""

_DOUBLINGS: Final = 6
"""Retries after which the wait grows no longer."""

_MAX_MESSAGE: Final = 1024
"""What `StoppedCandidate.message` holds."""


def stopped(
    revision: Revision, reason: str, message: str, *, again: bool, retries: int, now: datetime
) -> StoppedCandidate:
    """The record of a revision that was stopped.

    Args:
        again: whether it is tried again.
        retries: how often it has been tried again before.
    """
    at = timestamp(retry_at(now, retries)) if again else None
    message = f"{message}; next attempt at {at}" if at is not None else message
    return StoppedCandidate(
        version=revision.version,
        version_uid=revision.version_uid,
        digest=revision.digest,
        revision=revision.revision,
        reason=reason,
        message=message[:_MAX_MESSAGE],
        at=timestamp(now),
        retries=retries,
        retry_at=at,
    )


def retry_at(stopped_at: datetime, retries: int) -> datetime:
    """When a candidate is tried again.

    Args:
        retries: how often it has been tried again before.
    """
    wait = FIRST_WAIT_SECONDS * 2 ** min(retries, _DOUBLINGS)
    return stopped_at + timedelta(seconds=min(wait, LONGEST_WAIT_SECONDS))


def seconds_until(candidate: StoppedCandidate | None, now: datetime) -> float | None:
    """Seconds until the candidate is tried again, 0 or less where that is due; None where it is not tried again."""
    if candidate is None or candidate.retry_at is None:
        return None
    return (parse_timestamp(candidate.retry_at) - now).total_seconds()
