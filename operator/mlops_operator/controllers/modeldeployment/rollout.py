# SPDX-License-Identifier: Apache-2.0
"""The rollout as a state machine: what is stable, what is the candidate, and what was stopped.

Every transition follows from the former status, the target and what the servers look like now;
nothing is done here. A rollback is never held up: when the target is the stable revision
again, the candidate is gone in the same moment, whatever its phase.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.modeldeployment import (
    CandidatePhase,
    CandidateStatus,
    DeploymentReason,
    FormerRevision,
    GoldenStatus,
    RevisionStatus,
    Rollout,
    StoppedCandidate,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint, Problem
from mlops_operator.controllers.modeldeployment.candidate import begin, enter
from mlops_operator.controllers.modeldeployment.checks import trouble
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.policies import bake, deadline, health, replicas, retry
from mlops_operator.controllers.modeldeployment.policies import golden as golden_policy
from mlops_operator.controllers.modeldeployment.policies.hold import hold
from mlops_operator.controllers.modeldeployment.policies.traffic import SHARING
from mlops_operator.controllers.modeldeployment.servers import Servers
from mlops_operator.controllers.shared.task import TaskPhase, TaskState

_MAX_TRANSITIONS: Final = 32
"""More than all phases and steps together: a bound on what one plan can go through, never reached."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Where the rollout is.

    Attributes:
        wanted: replicas of the stable version.
        candidate_replicas: replicas of the candidate; 0 where there is none.
        former: the revision that served before, while its pods are kept.
        requeue: seconds until time alone may change something, or None.
        overdue: a first version is not ready within its deadline; it is kept, since there is nothing better.
        waiting: what the candidate, or else the stable version, waits for.
    """

    wanted: int
    stable: RevisionStatus | None
    candidate: CandidateStatus | None = None
    candidate_replicas: int = 0
    former: FormerRevision | None = None
    stopped: StoppedCandidate | None = None
    requeue: float | None = None
    overdue: bool = False
    waiting: health.Trouble | None = None


@dataclass(frozen=True)
class _Wait:
    candidate: CandidateStatus
    requeue: float | None = None
    overdue: bool = False
    waiting: health.Trouble | None = None


@dataclass(frozen=True)
class _Next:
    candidate: CandidateStatus


@dataclass(frozen=True)
class _Promote:
    candidate: CandidateStatus


@dataclass(frozen=True)
class _Stop:
    reason: str
    message: str
    again: bool = False
    """Whether the same revision is tried again: nothing is known against it."""


_Outcome = _Wait | _Next | _Promote | _Stop


def advance(
    observed: Observed,
    *,
    stable: RevisionStatus | None,
    target: Blueprint | Problem,
    check: TaskState | None,
    now: datetime,
) -> State:
    """The state that follows.

    Args:
        stable: the stable revision; see `recovery`.
        target: what is to be served, or why that is not known. Unknown holds everything as it is.
        check: the state of the candidate's golden-request Job; None where there is no candidate yet.
    """
    revision = target.revision if isinstance(target, Blueprint) else None
    baking = bake.follow(observed, stable=stable, target=revision, now=now)
    state = _advance(observed, baking, target=target, check=check, now=now)
    waits = [wait for wait in (state.requeue, baking.left) if wait is not None]
    return replace(state, former=state.former or baking.former, requeue=min(waits, default=None))


def _advance(
    observed: Observed, baking: bake.Bake, *, target: Blueprint | Problem, check: TaskState | None, now: datetime
) -> State:
    spec, status, stable = observed.spec, observed.status, baking.stable
    current = observed.servers(stable.revision).scaled_to if stable is not None else None
    wanted = replicas.wanted_replicas(replicas=spec.replicas, autoscaling=spec.autoscaling, current=current)
    if isinstance(target, Problem):
        return _held(observed, stable=stable, wanted=wanted, stopped=baking.stopped or status.stopped)
    if stable is not None and target.revision == stable.revision:
        return _settled(observed, stable=stable, wanted=wanted, now=now)
    stopped = baking.stopped or status.stopped
    if stopped is not None and stopped.revision != target.revision:
        stopped = None
    due = retry.seconds_until(stopped, now)
    if wanted == 0 or (stopped is not None and (due is None or due > 0)):
        return _settled(observed, stable=stable, wanted=wanted, stopped=stopped, now=now)
    candidate = status.candidate
    if candidate is None or candidate.revision != target.revision:
        candidate, check = begin(observed, target, retries=stopped.retries + 1 if stopped else 0, now=now), None
    run = _Run(observed, stable=stable, target=target, wanted=wanted, check=check, now=now)
    return run.drive(candidate)


def _settled(
    observed: Observed,
    *,
    stable: RevisionStatus | None,
    wanted: int,
    now: datetime,
    stopped: StoppedCandidate | None = None,
) -> State:
    """No candidate: the stable version is what is wanted, or the best there is."""
    waiting = requeue = None
    servers = observed.servers(stable.revision) if stable is not None else None
    if servers is not None and servers.ready < wanted:
        waiting = health.waiting(servers, reads=observed.reads, now=now)
        requeue = health.next_look(servers, now)
    looks = [look for look in (requeue, retry.seconds_until(stopped, now)) if look is not None and look > 0]
    return State(wanted=wanted, stable=stable, stopped=stopped, waiting=waiting, requeue=min(looks, default=None))


def _held(observed: Observed, *, stable: RevisionStatus | None, wanted: int, stopped: StoppedCandidate | None) -> State:
    """Everything as it was: what is not known neither promotes nor stops."""
    candidate = observed.status.candidate
    if stable is not None and candidate is not None and candidate.revision == stable.revision:
        candidate = None
    count = observed.servers(candidate.revision).scaled_to if candidate is not None else None
    return State(
        wanted=wanted,
        stable=stable,
        candidate=candidate,
        candidate_replicas=count or 0,
        stopped=stopped,
    )


class _Run:
    """One candidate's way through its phases, as far as the present allows."""

    def __init__(
        self,
        observed: Observed,
        *,
        stable: RevisionStatus | None,
        target: Blueprint,
        wanted: int,
        check: TaskState | None,
        now: datetime,
    ) -> None:
        self.stable = stable
        self.target = target
        self.wanted = wanted
        self.check = check
        self.now = now
        self.observed = observed
        self.rollout: Rollout = observed.spec.rollout
        self.servers: Servers = observed.servers(target.revision)
        self.answered = False  # whether a check has just found that all servers answer

    def drive(self, candidate: CandidateStatus) -> State:
        """Go on until something has to be waited for, or the candidate is promoted or stopped."""
        trouble = health.failure(self.servers)
        outcome: _Outcome = _Stop(trouble.reason, trouble.message) if trouble else _Next(candidate)
        for _ in range(_MAX_TRANSITIONS):
            match outcome:
                case _Next(candidate):
                    outcome = self._phase(candidate)
                case _Wait():
                    return self._waiting(outcome)
                case _Promote(candidate):
                    return self._promoted(candidate)
                case _Stop():
                    return self._stopped(candidate, outcome)
        raise AssertionError(f"expected the rollout to rest within {_MAX_TRANSITIONS} transitions, found {outcome}")

    def replicas_in(self, phase: CandidatePhase, step: int) -> int:
        """Replicas that a candidate is to have in a phase and step."""
        if phase is CandidatePhase.STEPPING and step < len(self.rollout.steps):
            count = replicas.share_replicas(self.rollout.steps[step].weight, self.wanted)
        elif phase in (CandidatePhase.STEPPING, CandidatePhase.PROMOTING) or self._at_once:
            count = self.wanted
        else:
            return 1
        if self.observed.spec.autoscaling is not None:
            # The stable version's count follows its load, which falls as the candidate takes a share.
            # The candidate must not follow it down.
            most = max(count, self.observed.spec.autoscaling.max_replicas)
            count = min(max(count, self.servers.scaled_to or 0), most)
        return count

    @property
    def _at_once(self) -> bool:
        """Whether one trial pod would only cost time: nothing serves yet, or nothing is checked."""
        return self.stable is None or (not self.rollout.steps and self.target.golden_requests is None)

    # -- phases ----------------------------------------------------------------------------

    def _phase(self, candidate: CandidateStatus) -> _Outcome:
        if self.stable is None and candidate.phase in SHARING:
            return self._checked(candidate)  # the stable version was lost meanwhile: no share is left to raise
        match candidate.phase:
            case CandidatePhase.STARTING:
                return self._starting(candidate)
            case CandidatePhase.CHECKING:
                return self._checking(candidate)
            case CandidatePhase.STEPPING:
                return self._stepping(candidate)
            case CandidatePhase.PROMOTING:
                return self._promoting(candidate)

    def _starting(self, candidate: CandidateStatus) -> _Outcome:
        # All at once, the candidate takes over when all its servers are ready; any other goes on with the first.
        all_of_them = self._at_once and self.stable is not None
        wanted = self.replicas_in(candidate.phase, candidate.step)
        if not (self.servers.complete(wanted) if all_of_them else self.servers.seen and self.servers.ready):
            return self._late(candidate)
        if self.target.golden_requests is not None:
            if candidate != self.observed.status.candidate:
                return _Wait(candidate, requeue=0.0)  # the Job is named by the beginning, which is put on record first
            job = names.golden_job_names(self.observed.obj, candidate.revision, candidate.started_at)
            golden = GoldenStatus(job=job.of(self.observed.jobs))
            return _Next(self._enter(candidate, CandidatePhase.CHECKING).replace(golden=golden))
        golden = GoldenStatus(message="the version has no golden requests: readiness is all that was checked")
        return self._checked(candidate.replace(golden=golden))

    def _checking(self, candidate: CandidateStatus) -> _Outcome:
        if candidate.golden is not None and candidate.golden.passed:
            return self._checked(candidate)
        check = self.check or TaskState(TaskPhase.ABSENT)
        if check.phase in (TaskPhase.FAILED, TaskPhase.RESULT_INVALID):
            verdict = golden_policy.unanswered(check.reason, check.message)
            if check.unconnected:
                return _Stop(DeploymentReason.GOLDEN_CHECK_FAILED, verdict.message, again=True)
        elif check.result is not None:
            verdict = golden_policy.judge(check.result)
        else:
            return self._late(candidate, waiting=trouble(check), look_in=check.next_look)
        if not verdict.passed:
            return _Stop(verdict.reason or DeploymentReason.GOLDEN_CHECK_FAILED, verdict.message)
        job = candidate.golden.job if candidate.golden is not None else None
        return self._checked(candidate.replace(golden=GoldenStatus(job=job, passed=True, message=verdict.message)))

    def _checked(self, candidate: CandidateStatus) -> _Outcome:
        """The candidate may get traffic: all of it where nothing serves, else its first share."""
        if self.stable is None:
            # Its pods may have gone while they were checked: nothing is promoted that is not ready.
            return _Promote(candidate) if self.servers.ready else self._late(candidate)
        if bake.has_third_revision(self.observed, stable=self.stable.revision, candidate=self.target.revision):
            message = "the candidate takes no requests before the pods of the former revision are deleted"
            return _Wait(candidate, waiting=health.Trouble(DeploymentReason.BAKING, message))
        phase = CandidatePhase.STEPPING if self.rollout.steps else CandidatePhase.PROMOTING
        return _Next(self._enter(candidate, phase))

    def _stepping(self, candidate: CandidateStatus) -> _Outcome:
        if candidate.step >= len(self.rollout.steps):
            return _Next(self._enter(candidate, CandidatePhase.PROMOTING))
        held = hold(
            candidate,
            ready=self.servers.complete(self.replicas_in(candidate.phase, candidate.step)),
            restarts=self.servers.restarts,
            pause=seconds(self.rollout.steps[candidate.step].pause),
            now=self.now,
        )
        if held.remaining is None:
            return self._late(held.candidate.replace(recheck_job=None))
        if held.remaining > 0:
            return _Wait(held.candidate.replace(recheck_job=None), requeue=held.remaining)
        since = timestamp(self.now + timedelta(seconds=held.remaining))
        return self._recheck(held.candidate, since=since) or _Next(
            self._enter(held.candidate, CandidatePhase.STEPPING, step=candidate.step + 1)
        )

    def _promoting(self, candidate: CandidateStatus) -> _Outcome:
        ready = self.servers.complete(self.replicas_in(candidate.phase, candidate.step))
        held = hold(candidate, ready=ready, restarts=self.servers.restarts, pause=0, now=self.now)
        if held.remaining is None:
            return self._late(held.candidate.replace(recheck_job=None))
        return self._recheck(held.candidate, since=held.candidate.ready_since) or _Promote(held.candidate)

    def _recheck(self, candidate: CandidateStatus, *, since: str | None) -> _Outcome | None:
        """What to wait for, or why to stop, before a step or phase ends; None where all servers have answered now.

        Args:
            since: when the step or phase could have ended but for this.
        """
        if self.answered:
            return None
        job = names.recheck_job_names(self.observed.obj, candidate)
        if candidate.recheck_job not in job:
            asked = candidate.replace(recheck_job=job.of(self.observed.jobs))
            return _Wait(asked, requeue=seconds(self.rollout.progress_deadline))
        check = self.check or TaskState(TaskPhase.ABSENT)
        if check.phase in (TaskPhase.FAILED, TaskPhase.RESULT_INVALID):
            message = f"not all servers answered: {check.reason}: {check.message}".rstrip(": ")
            return _Stop(DeploymentReason.CANDIDATE_UNAVAILABLE, message)
        if check.result is None:
            return self._late(candidate, waiting=trouble(check), look_in=check.next_look, since=since)
        count = self.replicas_in(candidate.phase, candidate.step)
        golden = self.target.golden_requests is not None
        verdict = golden_policy.judge_recheck(check.result, golden=golden, replicas=count)
        self.answered = verdict.passed
        return (
            None if verdict.passed else _Stop(verdict.reason or DeploymentReason.GOLDEN_CHECK_FAILED, verdict.message)
        )

    def _enter(self, candidate: CandidateStatus, phase: CandidatePhase, *, step: int = 0) -> CandidateStatus:
        return enter(candidate, phase, step=step, restarts=self.servers.restarts, now=self.now)

    def _late(
        self,
        candidate: CandidateStatus,
        *,
        waiting: health.Trouble | None = None,
        look_in: float | None = None,
        since: str | None = None,
    ) -> _Outcome:
        """Not ready: wait, until the deadline at the latest. A first version is waited for beyond it."""
        waiting = waiting or health.waiting(self.servers, reads=self.observed.reads, now=self.now)
        looks = [look for look in (look_in, health.next_look(self.servers, self.now)) if look is not None]
        look_in = min(looks, default=None)
        allowed = seconds(self.rollout.progress_deadline) - (candidate.unready_seconds if since is None else 0)
        left = deadline.seconds_left(since=since or candidate.since, allowed=allowed, now=self.now)
        if left > 0:
            return _Wait(candidate, requeue=min(left, look_in or left), waiting=waiting)
        if self.stable is None:
            return _Wait(candidate, requeue=look_in, overdue=True, waiting=waiting)
        why = f"; {waiting}" if waiting else ""
        phase = candidate.phase.value.lower()
        message = f"{phase} was not done within {self.rollout.progress_deadline}{why}"
        unconnected = waiting is not None and waiting.unconnected
        return _Stop(DeploymentReason.PROGRESS_DEADLINE_EXCEEDED, message, again=unconnected)

    # -- ends ------------------------------------------------------------------------------

    def _waiting(self, outcome: _Wait) -> State:
        candidate = outcome.candidate
        return State(
            wanted=self.wanted,
            stable=self.stable,
            candidate=candidate,
            candidate_replicas=self.replicas_in(candidate.phase, candidate.step),
            requeue=outcome.requeue,
            overdue=outcome.overdue,
            waiting=outcome.waiting,
        )

    def _promoted(self, candidate: CandidateStatus) -> State:
        stable = RevisionStatus.model_validate(candidate.model_dump(include=set(RevisionStatus.model_fields)))
        former = None
        if self.stable is not None:
            former = bake.hand_over(self.stable, bake=self.rollout.bake, retries=candidate.retries, now=self.now)
        return State(wanted=self._handed_over, stable=stable, former=former)

    @property
    def _handed_over(self) -> int:
        """Replicas of the new stable version: an autoscaled one keeps what the candidate was given."""
        spec = self.observed.spec
        return replicas.wanted_replicas(
            replicas=spec.replicas, autoscaling=spec.autoscaling, current=self.servers.scaled_to
        )

    def _stopped(self, candidate: CandidateStatus, stop: _Stop) -> State:
        again = stop.again or stop.reason == DeploymentReason.CANDIDATE_UNAVAILABLE
        retries = candidate.retries
        stopped = retry.stopped(candidate, stop.reason, stop.message, again=again, retries=retries, now=self.now)
        return State(wanted=self.wanted, stable=self.stable, stopped=stopped)
