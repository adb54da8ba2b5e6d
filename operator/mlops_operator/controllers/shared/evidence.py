# SPDX-License-Identifier: Apache-2.0
"""Whether the pods that were read tell how an ended Job ended.

A read may have begun before the Job ended and show its pods as they were then. What such a
read does not show must not be taken for missing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import job_reads, jobs

STALE_READ: Final = 5.0
"""Seconds after a Job's end for which a read without an ended pod is not believed; longer than a
healthy API server takes for a LIST."""

LOOK_AGAIN: Final = 1.0
"""Seconds until the pods are read again then."""


def end_of(job: Manifest, now: datetime) -> datetime | None:
    """When an ended Job ended, by its own words; at the latest now.

    An end in the future is told by a clock that is ahead of ours, and what is counted from there, the wait before
    the next attempt above all, would be longer by all that it is ahead.
    """
    told = _told_end(job)
    return min(told, now) if told is not None else None


def _told_end(job: Manifest) -> datetime | None:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            moment = condition.get("lastTransitionTime")
            return parse_timestamp(moment) if moment else None
    return None


def conclusive(job: Manifest, pods: Sequence[Manifest] | None, now: datetime) -> bool:
    """Whether to decide by these pods, or by their absence."""
    if pods is None:
        return False
    if jobs.job_phase(job) is jobs.JobPhase.SUCCEEDED:
        told = len({jobs.rank_of(pod) for pod in pods if jobs.pod_ended(pod)}) >= jobs.ranks(job)
    else:
        told = any(jobs.pod_phase(pod) == "Failed" for pod in pods)
    ended = _told_end(job)
    if told or ended is None:
        return True
    age = (now - ended).total_seconds()
    return age >= STALE_READ or age <= -job_reads.CLOCKS_APART  # no telling how long ago it was
