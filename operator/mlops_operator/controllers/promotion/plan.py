"""What a Promotion does next: ask the gate, say what it said, and see the Model move the alias."""

from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import Truth, ready, stalled, working
from mlops_operator.api.evaluation import EvaluationStatus
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Gate as AliasGate
from mlops_operator.api.model import MissingBaseline
from mlops_operator.api.promotion import TERMINAL, PromotionPhase, PromotionReason, PromotionStatus
from mlops_operator.controllers.promotion.observed import Observed
from mlops_operator.controllers.promotion.policies.moved import moved_at
from mlops_operator.controllers.promotion.policies.refused import refused_by
from mlops_operator.controllers.promotion.policies.rollback import is_former
from mlops_operator.controllers.promotion.policies.supersede import superseded_by
from mlops_operator.controllers.promotion.policies.verdict import by_verdict
from mlops_operator.controllers.promotion.render import evaluation_name, render_evaluation
from mlops_operator.controllers.promotion.status import Gate, decided_status, gate_is_passed, promoted_status
from mlops_operator.controllers.shared.events import transition_events
from mlops_operator.controllers.shared.versions import VersionView
from mlops_operator.kube.resources import EVALUATIONS, MODELS, Resource
from mlops_operator.runtime.plan import Action, Create, Plan

ACTION: Final = "Promote"
"""What events say the controller was doing."""


def plan(obs: Observed, now: datetime) -> Plan:
    """The next step of a Promotion."""
    if obs.status.phase in TERMINAL:
        return Plan()
    since = moved_at(obs.points, uid=obs.obj["metadata"]["uid"])
    if since is not None:
        return _promoted(obs, since, now)
    missing = _missing_alias(obs)
    if missing is not None:
        return _wait(obs, *missing, now)
    if _still_passed(obs):
        return Plan(status=obs.status.to_manifest())
    return _by_request(obs, now)


def _by_request(obs: Observed, now: datetime) -> Plan:
    """Decide by what is asked for, before looking at the version."""
    if obs.spec.version == obs.current:
        return _already_there(obs, now)
    metadata = obs.obj["metadata"]
    newer = superseded_by(
        obs.newest, created=metadata["creationTimestamp"], name=metadata["name"], version=obs.spec.version
    )
    if newer is not None:
        message = f"the newer Promotion {newer.name} asks for version {newer.version}"
        return _end(obs, PromotionPhase.SUPERSEDED, PromotionReason.SUPERSEDED, message, now)
    return _by_version(obs, now)


def _missing_alias(obs: Observed) -> tuple[PromotionReason, str] | None:
    if obs.model is None:
        return PromotionReason.MODEL_NOT_FOUND, f"Model {obs.spec.model} does not exist"
    if obs.alias is None:
        return PromotionReason.ALIAS_NOT_FOUND, f"Model {obs.spec.model} has no alias {obs.spec.alias}"
    return None


def _still_passed(obs: Observed) -> bool:
    """Whether the gate was passed and nothing has changed since: the Model is about to move the alias."""
    usable = obs.version is not None and obs.version.ready
    return usable and gate_is_passed(obs.status) and obs.status.from_version == obs.current


def _by_version(obs: Observed, now: datetime) -> Plan:
    """Decide by whether the version can be used at all."""
    version = obs.version
    if version is None:
        message = f"ModelVersion {obs.spec.version} does not exist"
        return _wait(obs, PromotionReason.MODEL_VERSION_NOT_FOUND, message, now)
    if version.model is not None and version.model != obs.spec.model:
        message = f"ModelVersion {version.name} is of Model {version.model}, not of {obs.spec.model}"
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.MODEL_MISMATCH, message, now)
    if not version.ready:
        return _wait(obs, PromotionReason.MODEL_VERSION_NOT_READY, version.not_ready(), now)
    return _by_history(obs, version, now)


def _by_history(obs: Observed, version: VersionView, now: datetime) -> Plan:
    """Decide by what is known of the version; the gate is asked last."""
    if is_former(obs.points, version=version.name):
        message = f"{obs.spec.alias} pointed at {version.name} before: it passed the gate then"
        return _pass(obs, PromotionReason.FORMER_VERSION, message, now, rollback=True)
    refused = refused_by(obs.failures)
    if refused is not None:
        message = f"{refused.version} failed this gate in Promotion {refused.promotion}: train another version"
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.VERSION_REJECTED, message, now)
    assert obs.alias is not None
    if obs.alias.gate is None:
        return _pass(obs, PromotionReason.NO_GATE, f"{obs.spec.alias} has no gate", now)
    return _by_gate(obs, obs.alias.gate, now)


def _by_gate(obs: Observed, gate: AliasGate, now: datetime) -> Plan:
    if obs.current is None and gate.baseline.missing is MissingBaseline.REJECT:
        message = f"{obs.spec.alias} points at nothing and its gate wants a baseline"
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.BASELINE_MISSING, message, now)
    name = evaluation_name(obs.obj, gate, baseline=obs.current)
    if obs.evaluation is None:
        create = Create(resource=EVALUATIONS, manifest=render_evaluation(obs.obj, gate, baseline=obs.current))
        return _evaluate(obs, name, EvaluationStatus(), now, actions=(create,))
    if obs.evaluation.verdict is None:
        return _evaluate(obs, name, obs.evaluation, now)
    return _judged(obs, name, obs.evaluation, now)


def _judged(obs: Observed, name: str, evaluation: EvaluationStatus, now: datetime) -> Plan:
    assert evaluation.verdict is not None
    passed, reason = by_verdict(evaluation.verdict)
    ended = evaluation.conditions[-1].message if evaluation.conditions else ""
    message = f"Evaluation {name}: {ended or evaluation.verdict}"
    gate = Gate(
        passed=Truth.TRUE if passed else Truth.FALSE,
        reason=reason,
        message=message,
        baseline=obs.current,
        evaluation=name,
        verdict=evaluation.verdict,
        metrics=evaluation.metrics,
    )
    if passed:
        return _decided(obs, PromotionPhase.PROMOTING, gate, now)
    return _decided(obs, PromotionPhase.REJECTED, gate, now)


def _evaluate(
    obs: Observed, name: str, evaluation: EvaluationStatus, now: datetime, *, actions: tuple[Action, ...] = ()
) -> Plan:
    against = f"against {obs.current}" if obs.current else f"alone, since {obs.spec.alias} points at nothing"
    message = f"Evaluation {name} measures {obs.spec.version} {against}"
    if evaluation.waiting is not None:
        message = f"{message}; it waits: {evaluation.waiting.reason}: {evaluation.waiting.message}"
    gate = Gate(passed=Truth.UNKNOWN, reason=PromotionReason.EVALUATING, evaluation=name)
    outcome = working(PromotionReason.EVALUATING, message)
    status = decided_status(obs.status, PromotionPhase.EVALUATING, outcome, gate, generation=obs.generation, now=now)
    return _said(obs, status, actions=actions)


def _pass(obs: Observed, reason: PromotionReason, message: str, now: datetime, *, rollback: bool = False) -> Plan:
    gate = Gate(passed=Truth.TRUE, reason=reason, message=message, baseline=obs.current, rollback=rollback)
    return _decided(obs, PromotionPhase.PROMOTING, gate, now)


def _decided(obs: Observed, phase: PromotionPhase, gate: Gate, now: datetime) -> Plan:
    outcome = (working if phase is PromotionPhase.PROMOTING else stalled)(gate.reason, gate.message)
    return _said(obs, decided_status(obs.status, phase, outcome, gate, generation=obs.generation, now=now))


def _wait(obs: Observed, reason: PromotionReason, message: str, now: datetime) -> Plan:
    gate = Gate(passed=Truth.UNKNOWN, reason=reason)
    outcome = working(reason, message)
    return _said(
        obs, decided_status(obs.status, PromotionPhase.PENDING, outcome, gate, generation=obs.generation, now=now)
    )


def _end(obs: Observed, phase: PromotionPhase, reason: PromotionReason, message: str, now: datetime) -> Plan:
    """The end of a Promotion that did not get as far as its gate."""
    gate = Gate(passed=Truth.FALSE, reason=reason, message=message, evaluation=obs.status.evaluation)
    return _decided(obs, phase, gate, now)


def _already_there(obs: Observed, now: datetime) -> Plan:
    message = f"{obs.spec.alias} points at {obs.spec.version} already"
    gate = Gate(passed=Truth.TRUE, reason=PromotionReason.ALREADY_THERE, message=message, baseline=obs.current)
    outcome = ready(PromotionReason.ALREADY_THERE, message)
    return _said(
        obs, decided_status(obs.status, PromotionPhase.PROMOTED, outcome, gate, generation=obs.generation, now=now)
    )


def _promoted(obs: Observed, since: str, now: datetime) -> Plan:
    outcome = ready(PromotionReason.PROMOTED, f"{obs.spec.alias} points at {obs.spec.version} since {since}")
    return _said(obs, promoted_status(obs.status, outcome, since=since, generation=obs.generation, now=now))


def _said(obs: Observed, status: PromotionStatus, *, actions: tuple[Action, ...] = ()) -> Plan:
    events = transition_events(obs.status, status, action=ACTION)
    return Plan(actions=actions, grounds=_grounds(obs, status), status=status.to_manifest(), events=events)


def _grounds(obs: Observed, status: PromotionStatus) -> tuple[tuple[Resource, Manifest], ...]:
    """The Model, before an end that follows from where the alias points, which is for good.

    By an alias of the past a Promotion that takes it back would be there already, and a gate have measured against the
    wrong version. That the alias was moved by this Promotion, or that a newer one asks for it, is true for ever.
    """
    moved = status.promoted_at is not None
    by_alias = status.phase in TERMINAL and status.phase is not PromotionPhase.SUPERSEDED and not moved
    return ((MODELS, obs.model),) if by_alias and obs.model is not None else ()
