# SPDX-License-Identifier: Apache-2.0
"""When Jobs that have ended are deleted with their pods, and their logs.

`ttlSecondsAfterFinished` of batch/v1 is not used: it counts from the end of the Job, so a Job could be deleted before
its result was read, and would be run again. Here a Job is deleted only after its parent's status records what became
of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import evidence
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import Delete, Plan


def with_cleanup(
    plan: Plan,
    jobs: Iterable[Manifest],
    *,
    recorded: Callable[[Manifest], bool],
    ttl: int,
    now: datetime,
    stopped_at: datetime | None = None,
) -> Plan:
    """The plan with the deletions of Jobs that ended `ttl` seconds ago, and a look when the next one is due.

    Args:
        plan: what the parent does otherwise.
        jobs: the Jobs of the parent.
        recorded: whether the parent's stored status records the end of a Job, so that it is not made again.
        ttl: seconds for which a Job stays after its end.
        stopped_at: when Jobs ended that were stopped and so have no end of their own; None where none was.
    """
    planned = {action.name for action in plan.actions if action.resource == JOBS and isinstance(action, Delete)}
    due: list[Delete] = []
    look = plan.requeue_after
    for job in jobs:
        end = evidence.end_of(job, now) or stopped_at
        if end is None or "deletionTimestamp" in job["metadata"] or job["metadata"]["name"] in planned:
            continue
        left = ttl - (now - end).total_seconds()
        if left > 0.0:
            look = left if look is None else min(look, left)
        elif recorded(job):
            due.append(Delete.of(JOBS, job))
    return replace(plan, actions=(*plan.actions, *due), requeue_after=look) if due or look is not None else plan
