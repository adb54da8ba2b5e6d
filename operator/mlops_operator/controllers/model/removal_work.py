"""The Job that removes the files of a version."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.retention import MAX_LISTED, Removal, RemovedVersion, RetentionStatus
from mlops_operator.controllers.model.render import removal_task
from mlops_operator.controllers.model.situation import Situation
from mlops_operator.controllers.shared import evidence, jobs, tries
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.task import TaskPhase, TaskState, observe_task, render_task
from mlops_operator.controllers.shared.waiting import wait_for
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, Resource
from mlops_operator.runtime.plan import Action, Create

RETRY: Final = 300.0
"""Seconds from a failed removal to the next: nobody waits for one."""

REMOVAL_FAILED: Final = "RemovalFailed"
"""Reason of `status.retention.waiting` after a removal that failed."""

BYTES: Final = "bytes"
"""Count in the result of a removal."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to be done about the files of a Model's versions.

    Attributes:
        status: None where there is nothing to say.
        requeue_after: seconds until the next step, or None.
        absences: versions that the cache does not have, on which an action depends.
    """

    status: RetentionStatus | None = None
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
    absences: tuple[tuple[Resource, Key], ...] = ()


def work(at: Situation, status: RetentionStatus, now: datetime) -> Step:
    """The Job of the first removal that has started; one at a time, so that a store is not flooded.

    Args:
        status: with the removals as they are after this plan.
    """
    entry = next((entry for entry in status.removals if entry.started_at is not None), None)
    if entry is None:
        return Step(status=status.model_copy(update={"waiting": None}))
    held = at.retained.versions.get(entry.version_uid)
    if held is not None and not held.removed:
        return Step(status=status)  # its own controller says so first
    job = removal_task(at.obj, entry, at.policy).names.find(at.retained.jobs)
    if job is not None:
        return _at_work(at, entry, job, status, now)
    if (wait := _until_retry(entry, now)) > 0.0:
        return Step(status=status, requeue_after=wait)
    version = Key(at.obj["metadata"]["namespace"], entry.version)
    return Step(
        status=status,
        actions=(Create(resource=JOBS, manifest=_rendered(at, entry)),),
        absences=((MODEL_VERSIONS, version),) if held is None else (),
    )


def _rendered(at: Situation, entry: Removal) -> Manifest:
    return render_task(removal_task(at.obj, entry, at.policy), at.settings)


def _until_retry(entry: Removal, now: datetime) -> float:
    if entry.failed_at is None:
        return 0.0
    return (parse_timestamp(entry.failed_at) + timedelta(seconds=RETRY) - now).total_seconds()


def _at_work(at: Situation, entry: Removal, job: Manifest, status: RetentionStatus, now: datetime) -> Step:
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
    at: Situation, entry: Removal, job: Manifest, status: RetentionStatus, *, state: TaskState, now: datetime
) -> Step:
    waiting = _waiting(status, entry, state.reason, state.message, now) if state.reason else _of_others(status, entry)
    again = tries.correction(job, _rendered(at, entry)) if state.kept else ()
    return Step(
        status=status.model_copy(update={"waiting": waiting}),
        actions=again or state.keeping,
        requeue_after=state.next_look if state.phase is TaskPhase.PENDING else None,
    )


def _finished(status: RetentionStatus, entry: Removal, size: int, now: datetime) -> RetentionStatus:
    gone = RemovedVersion(version=entry.version, version_uid=entry.version_uid, time=timestamp(now), size=size)
    return status.model_copy(
        update={
            "removals": tuple(other for other in status.removals if other != entry),
            "waiting": _of_others(status, entry),
            "removed": status.removed + 1,
            "removed_size": status.removed_size + size,
            "last_removed": (gone, *status.last_removed)[:MAX_LISTED],
        }
    )


def _failed(entry: Removal, status: RetentionStatus, message: str, end: datetime, now: datetime) -> Step:
    """Not this time: the others come first now, and this one again later."""
    again = entry.model_copy(update={"failures": entry.failures + 1, "failed_at": timestamp(end)})
    others = tuple(other for other in status.removals if other != entry)
    waiting = _waiting(status, entry, REMOVAL_FAILED, message, now)
    update = {"removals": (*others, again), "waiting": waiting}
    return Step(status=status.model_copy(update=update), requeue_after=RETRY)


def _of_others(status: RetentionStatus, entry: Removal) -> Waiting | None:
    """What another removal waits for, if that is what the status says."""
    others = tuple(f"{other.version}: " for other in status.removals if other != entry)
    told = status.waiting is not None and status.waiting.message.startswith(others)
    return status.waiting if told else None


def _waiting(status: RetentionStatus, entry: Removal, reason: str, message: str, now: datetime) -> Waiting:
    about = f"{entry.version}: "
    return wait_for(status.waiting, now, reason, about + message, about=about)
