# SPDX-License-Identifier: Apache-2.0
"""The status that follows from the rollout's state.

`Ready` says whether the stable version serves; its reason says what there is to know beside. So a
version that serves while another one is on its way, or was stopped, is `Ready=True` with
`Reconciling` or `Stalled`: nothing is down, and whoever waits for the declared version (Helm, Flux)
neither hangs nor is told that all is well. An alias that points at no version is no fault, as for
the Model: `Ready=True`, reason `AliasUnset`, and `ModelLoaded=False`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import Fact, Outcome, Truth, contract, ready, stalled, timestamp, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import (
    DEGRADED,
    MODEL_LOADED,
    PROGRESSING,
    CandidatePhase,
    CandidateStatus,
    DeploymentPhase,
    DeploymentReason,
    FormerRevision,
    ModelDeploymentStatus,
    RevisionStatus,
    Rollout,
    StoppedCandidate,
    Weights,
)
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.blueprint import Problem
from mlops_operator.controllers.modeldeployment.policies.health import Trouble
from mlops_operator.controllers.modeldeployment.policies.replicas import achieved_weight
from mlops_operator.controllers.modeldeployment.policies.traffic import SHARING

MAX_TEXT: Final = 1024
"""What `Text` fields hold."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that a status is made of.

    Attributes:
        stable, candidate: with the counts that are to be shown.
        former: the revision that served before, while its pods are kept.
        wanted: replicas that the stable version should have.
        rollout: the settings of the rollout, for what a step is called.
        problem: why the target is not known or cannot be served, or a child cannot be had.
        overdue: a first version is not ready within its deadline.
        lost: pods of stable and candidate whose nodes do not answer.
        url: of the stable version.
        example: commands that ask it from outside the cluster.
    """

    obj: Manifest
    previous: ModelDeploymentStatus
    stable: RevisionStatus | None
    candidate: CandidateStatus | None = None
    former: FormerRevision | None = None
    stopped: StoppedCandidate | None = None
    wanted: int
    rollout: Rollout
    problem: Problem | None = None
    waiting: Trouble | None = None
    overdue: bool = False
    lost: Sequence[Trouble] = ()
    url: str | None = None
    example: str | None = None

    @property
    def serves(self) -> bool:
        """Whether a stable version answers requests, or none is wanted to."""
        return self.stable is not None and (self.stable.ready_replicas > 0 or self.wanted == 0)


def status_of(situation: Situation, *, now: datetime) -> ModelDeploymentStatus:
    """The whole status."""
    outcome = outcome_of(situation)
    generation = situation.obj["metadata"].get("generation", 1)
    served = [entry for entry in (situation.stable, situation.candidate) if entry is not None]
    selector = names.pod_labels(situation.obj)
    return ModelDeploymentStatus(
        observed_generation=generation,
        phase=_phase(situation, outcome).value,
        conditions=contract(
            situation.previous.conditions,
            outcome,
            generation=generation,
            now=now,
            facts=_facts(situation),
        ),
        stable=situation.stable,
        candidate=situation.candidate,
        former=situation.former,
        stopped=situation.stopped,
        serving_since=_serving_since(situation, now),
        weights=_weights(situation),
        url=situation.url if situation.stable is not None else None,
        example=situation.example if situation.stable is not None else None,
        selector=",".join(f"{name}={value}" for name, value in sorted(selector.items())),
        replicas=sum(entry.replicas for entry in served),
        ready_replicas=sum(entry.ready_replicas for entry in served),
        waiting=_waiting(situation, now),
    )


def _serving_since(situation: Situation, now: datetime) -> str | None:
    """When the first version began to serve; None before that, and where it is not known since the status was lost."""
    before = situation.previous
    first = before.stable is None and before.candidate is not None and situation.stable is not None
    return before.serving_since or (timestamp(now) if first else None)


def outcome_of(situation: Situation) -> Outcome:
    """How it is, and which pods are on nodes that do not answer, be there enough without them."""
    outcome = _outcome(situation)
    # What is waited for may be said already, and be the same.
    lost = [f"{found.reason}: {found.message}" for found in situation.lost if found.message not in outcome.message]
    return replace(outcome, message="; ".join(filter(None, (outcome.message, *lost))))


def _outcome(situation: Situation) -> Outcome:
    """How it is, the most pressing first."""
    truth = Truth.TRUE if situation.serves else Truth.FALSE
    problem = situation.problem
    if problem is not None and problem.expected and (situation.serves or situation.stable is None):
        return ready(problem.reason, problem.message)
    if problem is not None:
        make = stalled if problem.permanent else working
        return make(problem.reason, problem.message, ready=truth)
    if situation.stable is None:
        return _first_version(situation)
    if situation.candidate is not None:
        return working(DeploymentReason.ROLLING_OUT, _progress(situation, situation.candidate), ready=truth)
    if situation.stopped is not None:
        make = working if situation.stopped.retry_at is not None else stalled
        return make(DeploymentReason.CANDIDATE_STOPPED, _stopped(situation.stopped), ready=truth)
    return _serving(situation, situation.stable, truth)


def _first_version(situation: Situation) -> Outcome:
    if situation.stopped is not None:
        message = f"{situation.stopped.version} cannot be served: {situation.stopped.message}"
        make = working if situation.stopped.retry_at is not None else stalled
        return make(situation.stopped.reason, message)
    if situation.candidate is None:
        return ready(DeploymentReason.SCALED_TO_ZERO, "0 replicas are requested; the first version waits for more")
    message = _progress(situation, situation.candidate)
    if situation.overdue:
        deadline = situation.rollout.progress_deadline
        message = f"the first version is not ready within {deadline}; still waiting: {message}"
        return stalled(DeploymentReason.PROGRESS_DEADLINE_EXCEEDED, message)
    reason = situation.waiting.reason if situation.waiting is not None else DeploymentReason.LOADING
    return working(reason, message)


def _serving(situation: Situation, stable: RevisionStatus, truth: Truth) -> Outcome:
    if situation.wanted == 0:
        return ready(DeploymentReason.SCALED_TO_ZERO, f"{stable.version} waits for replicas")
    if stable.ready_replicas < situation.wanted:
        return working(DeploymentReason.REPLICAS_UNAVAILABLE, _unavailable(situation, stable), ready=truth)
    return ready(DeploymentReason.SERVING, f"{stable.version} serves")


def _unavailable(situation: Situation, stable: RevisionStatus) -> str:
    ready = f"{stable.ready_replicas} of {situation.wanted} replicas are ready"
    return f"{stable.version}: {ready}{_waits(situation.waiting)}"


def _progress(situation: Situation, candidate: CandidateStatus) -> str:
    match candidate.phase:
        case CandidatePhase.STARTING:
            doing = "is being loaded"
        case CandidatePhase.CHECKING:
            doing = "is running its golden-request check"
        case CandidatePhase.STEPPING:
            steps = situation.rollout.steps
            number = min(candidate.step + 1, len(steps))
            doing = f"takes a share of the requests (step {number} of {len(steps)})"
        case CandidatePhase.PROMOTING:
            doing = "gets all its replicas"
    if candidate.recheck_job is not None:
        doing += "; its servers are checked again"
    return f"{candidate.version} {doing}{_waits(situation.waiting)}"


def _waits(waiting: Trouble | None) -> str:
    return f"; {waiting}" if waiting is not None else ""


def _stopped(stopped: StoppedCandidate) -> str:
    return f"{stopped.version} was stopped: {stopped.reason}: {stopped.message}"


def _phase(situation: Situation, outcome: Outcome) -> DeploymentPhase:
    if situation.stable is None:
        return DeploymentPhase.FAILED if outcome.stalled else DeploymentPhase.PENDING
    if situation.candidate is not None:
        return DeploymentPhase.ROLLING_OUT
    return DeploymentPhase.DEGRADED if _degraded(situation).status is Truth.TRUE else DeploymentPhase.STABLE


def _facts(situation: Situation) -> Iterator[Fact]:
    """The kind's own conditions."""
    candidate, stopped = situation.candidate, situation.stopped
    if candidate is not None:
        yield Fact(PROGRESSING, Truth.TRUE, DeploymentReason.ROLLING_OUT, _progress(situation, candidate))
    elif stopped is not None:
        yield Fact(PROGRESSING, Truth.FALSE, DeploymentReason.CANDIDATE_STOPPED)
    else:
        reason = DeploymentReason.UP_TO_DATE if situation.problem is None else situation.problem.reason
        yield Fact(PROGRESSING, Truth.FALSE, reason)
    yield _model_loaded(situation)
    yield _degraded(situation)


def _degraded(situation: Situation) -> Fact:
    """The condition `Degraded`, which is true exactly in the phase of that name."""
    stable, stopped = situation.stable, situation.stopped
    if stable is None or situation.candidate is not None:
        return Fact(DEGRADED, Truth.FALSE, DeploymentReason.NOT_DEGRADED)
    if stopped is not None:
        return Fact(DEGRADED, Truth.TRUE, DeploymentReason.CANDIDATE_STOPPED, _stopped(stopped))
    if not situation.serves:
        message = _unavailable(situation, stable)
        return Fact(DEGRADED, Truth.TRUE, DeploymentReason.REPLICAS_UNAVAILABLE, message)
    return Fact(DEGRADED, Truth.FALSE, DeploymentReason.NOT_DEGRADED)


def _model_loaded(situation: Situation) -> Fact:
    stable = situation.stable
    if stable is not None and stable.ready_replicas:
        return Fact(MODEL_LOADED, Truth.TRUE, DeploymentReason.SERVING)
    if situation.wanted == 0:
        return Fact(MODEL_LOADED, Truth.FALSE, DeploymentReason.SCALED_TO_ZERO)
    if stable is not None:
        return Fact(MODEL_LOADED, Truth.FALSE, DeploymentReason.REPLICAS_UNAVAILABLE)
    if situation.stopped is not None:
        return Fact(MODEL_LOADED, Truth.FALSE, situation.stopped.reason, situation.stopped.message)
    reason = situation.problem.reason if situation.problem is not None else DeploymentReason.LOADING
    return Fact(MODEL_LOADED, Truth.FALSE, reason)


def _weights(situation: Situation) -> Weights | None:
    candidate, stable = situation.candidate, situation.stable
    if candidate is None or stable is None:
        return None
    if candidate.phase not in SHARING:
        return Weights(desired=0, achieved=0)
    steps = situation.rollout.steps
    stepping = candidate.phase is CandidatePhase.STEPPING and candidate.step < len(steps)
    return Weights(
        desired=steps[candidate.step].weight if stepping else 100,
        achieved=achieved_weight(candidate=candidate.ready_replicas, stable=stable.ready_replicas),
    )


def _waiting(situation: Situation, now: datetime) -> Waiting | None:
    found = situation.waiting
    if found is None:
        return None
    former = situation.previous.waiting
    since = former.since if former is not None and former.reason == found.reason else timestamp(now)
    return Waiting(reason=found.reason, message=found.message[:MAX_TEXT], since=since)


def invalid_spec(obj: Manifest, error: ValidationError, now: datetime) -> ModelDeploymentStatus:
    """The status of an object whose stored spec the present schema refuses: what serves is left alone."""
    before = ModelDeploymentStatus.of(obj)
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in ("spec", *first["loc"]))
    truth = Truth.TRUE if before.stable is not None and before.stable.ready_replicas else Truth.FALSE
    message = f"{where}: {first['msg']}; correct it and apply the object again"
    generation = obj["metadata"].get("generation", 1)
    outcome = stalled(DeploymentReason.INVALID_SPEC, message, ready=truth)
    kept = [
        Fact(entry.type, entry.status, entry.reason, entry.message)
        for entry in before.conditions
        if entry.type in (PROGRESSING, MODEL_LOADED, DEGRADED)
    ]
    conditions = contract(before.conditions, outcome, generation=generation, now=now, facts=kept)
    phase = before.phase if before.stable is not None else DeploymentPhase.FAILED.value
    return before.replace(observed_generation=generation, phase=phase, conditions=conditions)
