"""What is recorded of a stopped candidate, and when it is tried again.

A revision that became unavailable, in a step or during its bake, may be sound: its node failed, or
its pods were evicted. It is tried again with exponential backoff. Every other stop is final for its revision.
"""

from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.modeldeployment import DeploymentReason, Revision, StoppedCandidate

FIRST_WAIT_SECONDS: Final = 60
"""Wait before the first retry: the node controller has marked a failed node by then, so the scheduler avoids it."""

LONGEST_WAIT_SECONDS: Final = 3600
"""Most seconds between two retries: each of them gives requests to a revision that has failed before."""

_DOUBLINGS: Final = 6
"""Retries after which the wait grows no longer."""

_MAX_MESSAGE: Final = 1024
"""What `StoppedCandidate.message` holds."""


def stopped(revision: Revision, reason: str, message: str, *, retries: int, now: datetime) -> StoppedCandidate:
    """The record of a revision that was stopped; one that became unavailable is tried again.

    Args:
        retries: how often it has been tried again before.
    """
    again = timestamp(retry_at(now, retries)) if reason == DeploymentReason.CANDIDATE_UNAVAILABLE else None
    message = f"{message}; next attempt at {again}" if again is not None else message
    return StoppedCandidate(
        version=revision.version,
        version_uid=revision.version_uid,
        digest=revision.digest,
        revision=revision.revision,
        reason=reason,
        message=message[:_MAX_MESSAGE],
        at=timestamp(now),
        retries=retries,
        retry_at=again,
    )


def retry_at(stopped_at: datetime, retries: int) -> datetime:
    """When a candidate that became unavailable is tried again.

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
