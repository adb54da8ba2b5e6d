# SPDX-License-Identifier: Apache-2.0
"""What is done about a ModelVersion: its artifact is checked once, and its status says where it is used.

A check that takes a moment costs its Job and one status; only what takes longer, or fails, is
told before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from mlops_operator.api.conditions import (
    READY,
    STALLED,
    Outcome,
    find,
    is_true,
    parse_timestamp,
    ready,
    stalled,
    timestamp,
    working,
)
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import REJECTED, ModelVersionReason, ModelVersionStatus
from mlops_operator.controllers.modelversion.observed import Observed
from mlops_operator.controllers.modelversion.policies import verification as policy
from mlops_operator.controllers.modelversion.policies.verification import Finding, Verdict
from mlops_operator.controllers.modelversion.render import render_job, verification
from mlops_operator.controllers.modelversion.status import settled
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import evidence, job_reads, jobs, tries
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.pending import GRACE, PodProblem
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.framework.events import flip_events, transition_events
from mlops_operator.framework.rejections import WAIT_FOR_SPEC
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import Action, Create, Delete, Event, Plan

FINAL: Final = frozenset(
    {
        ModelVersionReason.ARTIFACT_CORRUPT,
        ModelVersionReason.VERIFICATION_FAILED,
        ModelVersionReason.ARTIFACT_REMOVED,
        *WAIT_FOR_SPEC,
    }
)
"""Reasons that, once they stall a version, stay: all of its spec but `taskPods` is immutable. Make another version."""

_FAILURES: Final = (ModelVersionReason.ARTIFACT_NOT_FOUND, ModelVersionReason.VERIFICATION_FAILED)
"""Reasons of a check that failed and is made again."""

_WARNINGS: Final = (
    *_FAILURES,
    ModelVersionReason.RETRYING,
    ModelVersionReason.NODE_LOST,
    ModelVersionReason.SIDECAR_RUNNING,
)

_OF_THE_MODEL: Final = (ModelVersionReason.MODEL_NOT_FOUND, ModelVersionReason.REMOVAL_PENDING)
"""Reasons that say nothing about the verification."""

_VERIFIED: Final = "artifact digest verified"
_ACTION: Final = "Verify"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the verification is.

    Attributes:
        outcome: None where nothing is to be said about it yet.
        changes: fields of the status.
    """

    outcome: Outcome | None
    actions: tuple[Action, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    requeue_after: float | None = None


def plan(obs: Observed, settings: Settings, now: datetime) -> Plan:
    """The plan for one observation."""
    progress = _progress(obs, settings, now)
    outcome = progress.outcome or _former(obs.status)
    if outcome is None and obs.model is None:
        outcome = working(ModelVersionReason.VERIFYING, "verifying the artifact digest")
    if outcome is None:
        return Plan(actions=progress.actions, requeue_after=progress.requeue_after)
    status = settled(obs, now, outcome, artifact_store=settings.artifact_store, **progress.changes)
    return telling(obs.status, status, actions=progress.actions, requeue_after=progress.requeue_after)


def telling(
    before: ModelVersionStatus,
    after: ModelVersionStatus,
    *,
    actions: tuple[Action, ...] = (),
    requeue_after: float | None = None,
) -> Plan:
    """A plan that writes `after` and tells what is new in it."""
    return Plan(actions=actions, status=after.to_manifest(), requeue_after=requeue_after, events=_events(before, after))


def _events(before: ModelVersionStatus, after: ModelVersionStatus) -> tuple[Event, ...]:
    return (
        *transition_events(
            before,
            after,
            action=_ACTION,
            warnings=_WARNINGS,
            quiet=(ModelVersionReason.VERIFYING,),
        ),
        *flip_events(before, after, REJECTED, action="Evaluate", warning=True),
    )


def _former(status: ModelVersionStatus) -> Outcome | None:
    """What was said last, to be said on while there is nothing new."""
    condition = find(status.conditions, READY)
    if condition is None or condition.reason in _OF_THE_MODEL:
        return working(ModelVersionReason.VERIFYING, "verifying the artifact digest") if status.written else None
    taken = condition.reason == ModelVersionReason.NAME_TAKEN
    return (stalled if taken else working)(condition.reason, condition.message)


def decided(status: ModelVersionStatus) -> bool:
    """Whether the artifact was verified, or never will be: there is no further verification."""
    return status.verified_at is not None or _unusable(status) is not None


def _unusable(status: ModelVersionStatus) -> Outcome | None:
    """Why the version cannot be used, where that is final."""
    condition = find(status.conditions, READY)
    if condition is not None and condition.reason in FINAL and is_true(status.conditions, STALLED):
        return stalled(condition.reason, condition.message)
    return None


def _progress(obs: Observed, settings: Settings, now: datetime) -> Progress:
    if (removal := _removal(obs)) is not None:
        return Progress(outcome=removal)
    if (unusable := _unusable(obs.status)) is not None and not _corrected(obs):
        return Progress(outcome=unusable)
    if obs.status.verified_at is not None:
        return Progress(outcome=ready(ModelVersionReason.VERIFIED, _VERIFIED))
    if obs.job is None:
        return _next(obs, settings, now)
    return _at_work(obs, obs.job, settings, now)


def _removal(obs: Observed) -> Outcome | None:
    """That the Model removes the artifact, or is about to; None where it does not, or nothing changes by it."""
    removal = obs.model.removal if obs.model is not None else None
    if removal is None:
        return None
    if removal.started_at is None:
        message = f"spec.retention of Model {obs.spec.model} is about to remove the artifact: promote it to keep it"
        return working(ModelVersionReason.REMOVAL_PENDING, message) if _unusable(obs.status) is None else None
    message = f"spec.retention of Model {obs.spec.model} removed the artifact: use another version, or train again"
    return stalled(ModelVersionReason.ARTIFACT_REMOVED, message)


def _corrected(obs: Observed) -> bool:
    """Whether the pods that the API server refused are asked for in another way since: by `taskPods`."""
    condition = find(obs.status.conditions, READY)
    if condition is None or condition.reason not in WAIT_FOR_SPEC:
        return False
    return bool(condition.observed_generation != obs.obj["metadata"]["generation"])


def _next(obs: Observed, settings: Settings, now: datetime) -> Progress:
    """The next verification's Job, when it is time; the former ones' go."""
    failed_at = obs.status.failed_at
    if failed_at is not None:
        wait = (policy.next_start(obs.status.attempts, parse_timestamp(failed_at)) - now).total_seconds()
        if wait > 0.0:
            return Progress(outcome=None, requeue_after=wait)
    create = Create(resource=JOBS, manifest=render_job(obs.obj, obs.status.attempts, settings))
    return Progress(outcome=None, actions=(create, *_deletions(obs.jobs)), requeue_after=GRACE)


def _deletions(former: Sequence[Manifest]) -> tuple[Action, ...]:
    return tuple(Delete.of(JOBS, job) for job in former if "deletionTimestamp" not in job["metadata"])


def _at_work(obs: Observed, job: Manifest, settings: Settings, now: datetime) -> Progress:
    name = job["metadata"]["name"]
    state = observe_task(verification(obs.obj, obs.status.attempts).run_uid, job, obs.pods, now, obs.reads)
    if jobs.ended(job) and not evidence.conclusive(job, obs.pods, now):
        return Progress(outcome=None, requeue_after=evidence.LOOK_AGAIN)
    if state.phase is TaskPhase.RESULT_LOST:
        again = tries.run_again(job, render_job(obs.obj, obs.status.attempts, settings))
        return _waiting(obs, job, PodProblem(state.reason, state.message), actions=again, look=GRACE, now=now)
    verdict = policy.judge(state, digest=obs.spec.artifact.digest)
    match verdict.finding:
        case Finding.UNDECIDED:
            problem = PodProblem(state.reason, state.message) if state.reason else None
            look = state.next_look if state.phase is TaskPhase.PENDING else None
            again = tries.correction(job, render_job(obs.obj, obs.status.attempts, settings)) if state.kept else ()
            return replace(_undecided(obs, job, problem, look, now), actions=again or state.keeping)
        case Finding.VERIFIED:
            end = evidence.end_of(job, now) or now
            changes = {"job": name, "verified_at": timestamp(end), "failed_at": None, "waiting": None}
            return Progress(outcome=ready(ModelVersionReason.VERIFIED, _VERIFIED), changes=changes)
        case Finding.CORRUPT | Finding.UNUSABLE:
            return Progress(outcome=stalled(verdict.reason, verdict.message), changes={"job": name, "waiting": None})
        case Finding.FAILED:
            return _failed(obs, job, verdict, now)


def _undecided(obs: Observed, job: Manifest, problem: PodProblem | None, look: float | None, now: datetime) -> Progress:
    """Nothing is said for a moment; then that it is being checked, or what keeps it.

    What the former check found stays in the status: it is why this one is made.
    """
    name = job["metadata"]["name"]
    age = job_reads.pending_seconds(job, now)
    if age < GRACE:
        return Progress(outcome=None, requeue_after=look or GRACE - age)
    if problem is None and obs.status.waiting is not None and obs.status.waiting.reason in _FAILURES:
        return Progress(outcome=None, requeue_after=look)
    if problem is None:
        outcome = working(ModelVersionReason.VERIFYING, "verifying the artifact digest")
        return Progress(outcome=outcome, changes={"job": name, "waiting": None}, requeue_after=look)
    return _waiting(obs, job, problem, look=look, now=now)


def _waiting(
    obs: Observed,
    job: Manifest,
    problem: PodProblem,
    *,
    actions: tuple[Action, ...] = (),
    look: float | None,
    now: datetime,
) -> Progress:
    waiting = wait_for(obs.status.waiting, now, problem.reason, problem.message)
    outcome = working(waiting.reason, waiting.message)
    changes = {"job": job["metadata"]["name"], "waiting": waiting}
    return Progress(outcome=outcome, actions=actions, changes=changes, requeue_after=look)


def _failed(obs: Observed, job: Manifest, verdict: Verdict, now: datetime) -> Progress:
    """Not this time: counted, and tried again later."""
    failures = obs.status.attempts + 1
    end = evidence.end_of(job, now) or now
    again = policy.next_start(failures, end)
    message = with_log_command(f"{verdict.message}; checked again at {timestamp(again)}", obs.obj)
    changes = {
        "job": job["metadata"]["name"],
        "attempts": failures,
        "failed_at": timestamp(end),
        "waiting": wait_for(obs.status.waiting, now, verdict.reason, verdict.message),
    }
    wait = max(0.0, (again - now).total_seconds())
    return Progress(outcome=working(verdict.reason, message), changes=changes, requeue_after=wait)
