# SPDX-License-Identifier: Apache-2.0
"""The Job that removes the files of a version or run."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.retention import (
    MAX_LISTED,
    AnyRemoval,
    Removal,
    RemovedRun,
    RemovedVersion,
    RetentionStatus,
)
from mlops_operator.controllers.model.render import removal_task
from mlops_operator.controllers.model.retained import at_work
from mlops_operator.controllers.model.situation import Situation
from mlops_operator.controllers.shared import evidence, jobs, tries
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.task import TaskPhase, TaskState, observe_task, render_task
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, TRAINING_JOBS, Resource
from mlops_operator.runtime.work.plan import Action, Create

RETRY: Final = 300.0
"""Seconds from a failed removal to the next: nobody waits for one."""

REMOVAL_FAILED: Final = "RemovalFailed"
"""Reason of `status.retention.waiting` after a removal that failed."""

BYTES: Final = "bytes"
"""Count in the result of a removal."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to be done about the files of a Model's versions and runs.

    Attributes:
        status: None where there is nothing to say.
        requeue_after: seconds until the next step, or None.
        confirm_absent: versions and TrainingJobs that the cache does not have, on which an action depends.
    """

    status: RetentionStatus | None = None
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
    confirm_absent: tuple[tuple[Resource, Key], ...] = ()


def work(at: Situation, status: RetentionStatus, now: datetime) -> Step:
    """The Job of one removal that has started; one at a time, so that a store is not flooded.

    Args:
        status: with the removals as they are after this plan.
    """
    entry = at_work(status.every_removal)
    if entry is None:
        return Step(status=status.replace(waiting=None))
    given_up = at.retained.given_up(entry)
    if given_up is False:
        return Step(status=status)  # its own controller says so first
    job = removal_task(at.obj, entry, at.policy).names.find(at.retained.jobs)
    if job is not None:
        return _at_work(at, entry, job, status, now)
    if (wait := _until_retry(entry, now)) > 0.0:
        return Step(status=status, requeue_after=wait)
    return Step(
        status=status,
        actions=(Create(resource=JOBS, manifest=_rendered(at, entry)),),
        confirm_absent=(_owner(at, entry),) if given_up is None else (),
    )


def _owner(at: Situation, entry: AnyRemoval) -> tuple[Resource, Key]:
    """The object whose files are removed."""
    namespace = at.obj["metadata"]["namespace"]
    if isinstance(entry, Removal):
        return MODEL_VERSIONS, Key(namespace, entry.version)
    return TRAINING_JOBS, Key(namespace, entry.training_job)


def _rendered(at: Situation, entry: AnyRemoval) -> Manifest:
    return render_task(removal_task(at.obj, entry, at.policy), at.settings)


def _until_retry(entry: AnyRemoval, now: datetime) -> float:
    if entry.failed_at is None:
        return 0.0
    return (parse_timestamp(entry.failed_at) + timedelta(seconds=RETRY) - now).total_seconds()


def _at_work(at: Situation, entry: AnyRemoval, job: Manifest, status: RetentionStatus, now: datetime) -> Step:
    pods = at.retained.pods(job)
    state = observe_task(removal_task(at.obj, entry, at.policy).run_uid, job, pods, now, at.retained.reads)
    if jobs.ended(job) and not evidence.conclusive(job, pods, now):
        return Step(status=status, requeue_after=evidence.LOOK_AGAIN)
    match state.phase:
        case TaskPhase.SUCCEEDED:
            size = state.result.counts.get(BYTES, 0) if state.result is not None else 0
            return Step(status=_finished(status, entry, size, now))
        case TaskPhase.RESULT_LOST:
            return Step(status=status, actions=tries.run_again(job, _rendered(at, entry)))
        case TaskPhase.FAILED | TaskPhase.RESULT_INVALID:
            end = evidence.end_of(job, now) or now
            again = timestamp(end + timedelta(seconds=RETRY))
            words = f"{state.reason}: {state.message}; tried again at {again}"
            return _failed(entry, status, with_log_command(words, at.obj), end, now)
        case _:
            return _undecided(at, entry, job, status, state=state, now=now)


def _undecided(
    at: Situation, entry: AnyRemoval, job: Manifest, status: RetentionStatus, *, state: TaskState, now: datetime
) -> Step:
    waiting = _waiting(status, entry, state.reason, state.message, now) if state.reason else _of_others(status, entry)
    again = tries.correction(job, _rendered(at, entry)) if state.kept else ()
    return Step(
        status=status.replace(waiting=waiting),
        actions=again or state.keeping,
        requeue_after=state.next_look if state.phase is TaskPhase.PENDING else None,
    )


def _finished(status: RetentionStatus, entry: AnyRemoval, size: int, now: datetime) -> RetentionStatus:
    after = _replaced(status, entry)
    changes = {"waiting": _of_others(status, entry), "removed_size": status.removed_size + size}
    if isinstance(entry, Removal):
        gone = RemovedVersion(version=entry.version, version_uid=entry.version_uid, time=timestamp(now), size=size)
        latest = (gone, *status.last_removed)[:MAX_LISTED]
        return after.replace(**changes, removed=status.removed + 1, last_removed=latest)
    run = RemovedRun(
        training_job=entry.training_job,
        training_job_uid=entry.training_job_uid,
        folder=entry.folder,
        time=timestamp(now),
        size=size,
    )
    latest_runs = (run, *status.runs.last_removed)[:MAX_LISTED]
    runs = after.runs.replace(removed=status.runs.removed + 1, last_removed=latest_runs)
    return after.replace(**changes, runs=runs)


def _failed(entry: AnyRemoval, status: RetentionStatus, message: str, end: datetime, now: datetime) -> Step:
    """Not this time: the others come first now, and this one again later."""
    again = entry.replace(failures=entry.failures + 1, failed_at=timestamp(end))
    waiting = _waiting(status, entry, REMOVAL_FAILED, message, now)
    after = _replaced(status, entry, again).replace(waiting=waiting)
    return Step(status=after, requeue_after=RETRY)


def _replaced(status: RetentionStatus, entry: AnyRemoval, *after: AnyRemoval) -> RetentionStatus:
    """The status with what is left of a removal after all others of its kind."""
    if isinstance(entry, Removal):
        versions = (*(other for other in status.removals if other != entry), *after)
        return status.replace(removals=versions)
    runs = (*(other for other in status.runs.removals if other != entry), *after)
    return status.replace(runs=status.runs.replace(removals=runs))


def _of_others(status: RetentionStatus, entry: AnyRemoval) -> Waiting | None:
    """What another removal waits for, if that is what the status says."""
    others = tuple(f"{other.subject}: " for other in status.every_removal if other != entry)
    told = status.waiting is not None and status.waiting.message.startswith(others)
    return status.waiting if told else None


def _waiting(status: RetentionStatus, entry: AnyRemoval, reason: str, message: str, now: datetime) -> Waiting:
    about = f"{entry.subject}: "
    return wait_for(status.waiting, now, reason, about + message, about=about)
