# SPDX-License-Identifier: Apache-2.0
"""When a Job's pods are read, and for how long it has waited.

Pods of Jobs are not watched. Their parent's plan asks for them at the Job's end, after a try that failed, and while
the Job has had no ready pod for `pending.GRACE`. Of Jobs that only wait, many are looked at with one request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import jobs, pending
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read

CLOCKS_APART: Final = 60.0
"""Seconds by which the cluster's clock may be ahead of ours before nothing is waited for by it any more: a short wait
mends itself, a long one takes too long."""


def _namespace_if_pending(job: Manifest) -> Iterable[str]:
    return (job["metadata"]["namespace"],) if jobs.job_phase(job) is jobs.JobPhase.PENDING else ()


PENDING_JOBS: Final = Index(JOBS, "pending-by-namespace", _namespace_if_pending)
"""Jobs whose pods are not all ready, by namespace; for every controller that calls `reads` or `waiting_pods`."""


def needs_pods(job: Manifest, now: datetime) -> bool:
    """Whether a decision on `job` wants its pods: it has ended, a pod of it failed, or it has not started in time."""
    return _tells_of_an_end(job) or waits(job, now)


def waits(job: Manifest, now: datetime) -> bool:
    """Whether `job` has not started in time."""
    return jobs.job_phase(job) is jobs.JobPhase.PENDING and pending_seconds(job, now) >= pending.GRACE


def pending_seconds(job: Manifest, now: datetime) -> float:
    """Seconds since `job` was started (or resumed)."""
    started = (job.get("status") or {}).get("startTime") or job["metadata"]["creationTimestamp"]
    age = (now - parse_timestamp(started)).total_seconds()
    # By a clock that far ahead there is no telling: it is looked at as one that has waited for a while.
    return max(0.0, age) if age > -CLOCKS_APART else pending.GRACE


def reads(job: Manifest, world: World, now: datetime) -> Sequence[Read]:
    """What a decision on `job` has to read: its pods, where it needs them, and what explains that they do not run."""
    if _tells_of_an_end(job):
        return (pods_of(job),)
    return (waiting_pods(job, world),) if waits(job, now) else ()


def _tells_of_an_end(job: Manifest) -> bool:
    """Whether `job` or a try of it has ended: its pods are read as they are now."""
    return jobs.ended(job) or jobs.failed_tries(job) > 0


def pods_of(job: Manifest) -> PodsOfJob:
    """The read of a Job's pods, and of what explains that they do not run while it has not started."""
    if jobs.job_phase(job) is not jobs.JobPhase.PENDING:
        return PodsOfJob.of(job)
    return PodsOfJob.of(job, then=partial(pending.of_job, job))


def waiting_pods(job: Manifest, world: World) -> PodsOfJob:
    """The same for a look at a Job that only waits: a request that others of the namespace share."""
    namespace = job["metadata"]["namespace"]
    return replace(pods_of(job), alongside=lambda: (key.name for key in world.keys(PENDING_JOBS, namespace)))


def next_look(job: Manifest, now: datetime) -> float:
    """Seconds until a Job that has not started is looked at again without an event."""
    return pending.interval(pending_seconds(job, now), namespace=job["metadata"]["namespace"], now=now)
