"""Whether the pods that were read tell of the Job's end, or of a moment before it.

A Job's pods are read before a plan, and the Job in the cache may end in between. A result
that such a read does not show is not a missing result.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.jobs import JobPhase, first_replica, job_phase, termination

READ_AGAIN: Final = 0.5
"""Seconds until pods are read again."""

PODS_GRACE: Final = 30.0
"""Seconds after a Job's end within which an empty list of its pods is taken for an old one."""


def too_early(job: Manifest, pods: Sequence[Manifest] | None, now: datetime) -> bool:
    """Whether `pods` cannot be of the time after the end of `job`; never while it has not ended."""
    phase = job_phase(job)
    if phase not in (JobPhase.SUCCEEDED, JobPhase.FAILED):
        return False
    if pods is None:
        return True
    replica = first_replica(pods)
    if replica is None:
        return phase is JobPhase.SUCCEEDED and 0 <= _seconds_since_end(job, now) < PODS_GRACE
    if phase is JobPhase.FAILED:
        return False  # its pods may be gone, or never have run: the Job's own condition tells
    return termination(pods) is None and (replica.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _seconds_since_end(job: Manifest, now: datetime) -> float:
    ended = (job.get("status") or {}).get("completionTime")
    return (now - parse_timestamp(ended)).total_seconds() if ended else PODS_GRACE
