# SPDX-License-Identifier: Apache-2.0
"""What a Promotion does next: ask the gate, say what it said, and see the Model move the alias."""

from dataclasses import replace
from datetime import datetime

from mlops_operator.api.conditions import READY, Truth, find, parse_timestamp
from mlops_operator.api.evaluation import EvaluationReason, EvaluationStatus
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import Gate as AliasGate
from mlops_operator.api.model import MissingBaseline
from mlops_operator.api.promotion import TERMINAL, PromotionPhase, PromotionReason
from mlops_operator.controllers.promotion.indexes import request_of
from mlops_operator.controllers.promotion.observed import GateRequest, Observed
from mlops_operator.controllers.promotion.policies.history import is_former, moved_at, restored_after, superseded_by
from mlops_operator.controllers.promotion.policies.refused import refused_by
from mlops_operator.controllers.promotion.policies.verdict import QUIET, by_verdict, is_recorded
from mlops_operator.controllers.promotion.status import Gate, decided, gate_is_passed, promoted
from mlops_operator.controllers.shared.gates import RECORDED
from mlops_operator.controllers.shared.owners import CHECK_AGAIN
from mlops_operator.controllers.shared.versions import VersionView
from mlops_operator.framework.finding import Decision, Finding, Severity
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, Resource
from mlops_operator.runtime.work.plan import Action, Create


def decide(obs: Observed, now: datetime) -> Decision:
    """The next step of a Promotion that is not decided for good."""
    since = moved_at(obs.points, uid=obs.obj["metadata"]["uid"])
    if since is not None:
        return _promoted(obs, since)
    held = _held(obs)
    if held is not None:
        again = CHECK_AGAIN if held[0] is PromotionReason.OWNER_NOT_FOUND else None
        return replace(_wait(obs, *held, now), requeue_after=again)
    if _still_passed(obs):
        return Decision()
    return _by_request(obs, now)


def _by_request(obs: Observed, now: datetime) -> Decision:
    """Decide by what is asked for, before looking at the version."""
    if obs.version is not None and (obs.version.name, obs.version.uid) == (obs.current, obs.current_uid):
        return _already_there(obs, now)
    metadata = obs.obj["metadata"]
    condition = find(obs.status.conditions, READY)
    waited = condition is not None and condition.reason == PromotionReason.RESTORE_PENDING
    restored = restored_after(obs.points, created=metadata["creationTimestamp"], waited=waited)
    if restored is not None:
        message = (
            f"{obs.spec.alias} was restored from a backup at {restored}, after this Promotion was created: create"
            " another Promotion"
        )
        return _end(obs, PromotionPhase.SUPERSEDED, PromotionReason.SUPERSEDED, message, now)
    newer = superseded_by(obs.newest, request_of(obs.obj))
    if newer is not None:
        message = f"the newer Promotion {newer.name} asks for version {newer.version}"
        return _end(obs, PromotionPhase.SUPERSEDED, PromotionReason.SUPERSEDED, message, now)
    return _by_version(obs, now)


def _held(obs: Observed) -> tuple[PromotionReason, str] | None:
    if obs.model is None:
        return PromotionReason.MODEL_NOT_FOUND, f"Model {obs.spec.model} does not exist"
    if obs.alias is None:
        return PromotionReason.ALIAS_NOT_FOUND, f"Model {obs.spec.model} has no alias {obs.spec.alias}"
    if obs.deleted_owner is not None:
        message = f"{obs.deleted_owner}, which controls this object, does not exist"
        return PromotionReason.OWNER_NOT_FOUND, message
    if obs.restoring is not None:
        message = (
            f"Model {obs.spec.model} restores {obs.spec.alias} to {obs.restoring.version} first; until that is done, or"
            " spec.aliases[].restore is removed, no Promotion moves the alias"
        )
        return PromotionReason.RESTORE_PENDING, message
    return None


def _still_passed(obs: Observed) -> bool:
    """Whether the gate was passed and nothing has changed since: the Model is about to move the alias."""
    usable = obs.version is not None and obs.version.ready and obs.version.ref == obs.status.candidate
    same = (obs.status.from_version, obs.status.from_uid) == (obs.current, obs.current_uid)
    return usable and same and gate_is_passed(obs.status)


def _by_version(obs: Observed, now: datetime) -> Decision:
    """Decide by whether the version can be used at all."""
    version = obs.version
    if version is None:
        message = f"ModelVersion {obs.spec.version} does not exist"
        evaluation = obs.status.evaluation
        if evaluation is not None:
            message = f"ModelVersion {obs.spec.version} was deleted: create a Promotion of another version"
        return _wait(obs, PromotionReason.MODEL_VERSION_NOT_FOUND, message, now, evaluation=evaluation)
    if version.model is not None and version.model != obs.spec.model:
        message = f"ModelVersion {version.name} is of Model {version.model}, not of {obs.spec.model}"
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.MODEL_MISMATCH, message, now)
    if version.artifact_removed:
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.ARTIFACT_REMOVED, version.not_ready(), now)
    if not version.ready:
        return _wait(obs, PromotionReason.MODEL_VERSION_NOT_READY, version.not_ready(), now)
    return _by_history(obs, version, now)


def _by_history(obs: Observed, version: VersionView, now: datetime) -> Decision:
    """Decide by what is known of the version; the gate is asked last."""
    assert version.ref is not None
    if is_former(obs.points, version.ref):
        message = f"{obs.spec.alias} pointed at {version.name} before: it passed the gate then"
        return _pass(obs, PromotionReason.FORMER_VERSION, message, now, rollback=True)
    assert obs.alias is not None
    if obs.alias.gate is None:
        return _pass(obs, PromotionReason.NO_GATE, f"{obs.spec.alias} has no gate", now)
    assert obs.gate is not None, "the version can be read"
    uid = obs.obj["metadata"]["uid"]
    asked = obs.gate
    refused = refused_by(
        asked.key, asked.results, asked.rejections, promotion_uid=uid, evaluation_uid=asked.evaluation_uid
    )
    # A gate on recent rows may measure the artifact again, if its Evaluation finds enough new ones.
    if refused is not None and asked.recent_after is None:
        message = f"the artifact of {version.name} failed this gate in Promotion {refused}: train another version"
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.VERSION_REJECTED, message, now)
    return _by_gate(obs, obs.alias.gate, asked, now)


def _by_gate(obs: Observed, gate: AliasGate, asked: GateRequest, now: datetime) -> Decision:
    if obs.baseline is None and gate.baseline.missing is MissingBaseline.REJECT:
        found = f"points at {obs.current}, which was deleted" if obs.current else "points at no version"
        message = (
            f"{obs.spec.alias} {found}, and its gate requires a baseline: set baseline.missing of the gate to"
            f" {MissingBaseline.REQUIRE_ABSOLUTE}, then create another Promotion"
        )
        return _end(obs, PromotionPhase.REJECTED, PromotionReason.BASELINE_MISSING, message, now)
    if asked.evaluation is None:
        create = Create(resource=EVALUATIONS, manifest=asked.rendered)
        return _evaluate(obs, asked.name, EvaluationStatus(), now, actions=(create,))
    if asked.evaluation.verdict is None:
        return _evaluate(obs, asked.name, asked.evaluation, now)
    if not is_recorded(asked.evaluation.verdict, asked.results, evaluation_uid=asked.evaluation_uid or ""):
        return _wait_for_record(obs, asked.name, asked.evaluation, now)
    return _judged(obs, asked, asked.evaluation, now)


def _wait_for_record(obs: Observed, name: str, evaluation: EvaluationStatus, now: datetime) -> Decision:
    """The decision outlives the Promotion: it is final only once the ModelVersion's status has the result."""
    ended = evaluation.completion_time
    age = (now - parse_timestamp(ended)).total_seconds() if ended is not None else QUIET
    if 0 <= age < QUIET:
        return Decision(requeue_after=QUIET - age)
    message = f"Evaluation {name} has a verdict; waiting for ModelVersion {obs.spec.version} to record it"
    gate = Gate(passed=Truth.UNKNOWN, reason=PromotionReason.RECORDING_RESULT, evaluation=name)
    return _decision(obs, PromotionPhase.EVALUATING, Severity.WORKING, message, gate, now=now)


def _judged(obs: Observed, asked: GateRequest, evaluation: EvaluationStatus, now: datetime) -> Decision:
    assert evaluation.verdict is not None
    assert obs.version is not None
    condition = find(evaluation.conditions, READY)
    passed, reason = by_verdict(evaluation.verdict, condition.reason if condition is not None else "")
    ended = condition.message if condition is not None else ""
    message = f"Evaluation {asked.name}: {ended or evaluation.verdict}"
    if condition is not None and condition.reason == EvaluationReason.NO_ABSOLUTE_RULE:
        message = (
            f"{_no_baseline(obs)}, and no metric of its gate has a min or a max, so nothing can be decided: set min or"
            " max in a metric of the gate, then create another Promotion"
        )
    measured = (evaluation.candidate, evaluation.baseline)
    if evaluation.verdict in RECORDED and measured != (obs.version.ref, obs.baseline):
        passed, reason = False, PromotionReason.EVALUATION_FAILED
        message = f"Evaluation {asked.name} measured other objects than {_names(obs)}: create another Promotion"
    gate = Gate(
        passed=Truth.TRUE if passed else Truth.FALSE,
        reason=reason,
        message=message,
        origin=obs.points,
        candidate=obs.version.ref,
        baseline=evaluation.baseline,
        evaluation=asked.name,
        evaluation_uid=asked.evaluation_uid or "",
        verdict=evaluation.verdict,
        metrics=evaluation.metrics,
    )
    if passed:
        return _decided(obs, PromotionPhase.PROMOTING, gate, now)
    return _decided(obs, PromotionPhase.REJECTED, gate, now)


def _names(obs: Observed) -> str:
    """The objects that the gate compares, with their UIDs."""
    refs = (obs.version.ref if obs.version is not None else None, obs.baseline)
    return " and ".join(f"{ref.name} (UID {ref.uid})" for ref in refs if ref is not None)


def _evaluate(
    obs: Observed, name: str, evaluation: EvaluationStatus, now: datetime, *, actions: tuple[Action, ...] = ()
) -> Decision:
    against = f"against {obs.baseline.name}" if obs.baseline is not None else f"alone, since {_no_baseline(obs)}"
    message = f"Evaluation {name} measures {obs.spec.version} {against}"
    if evaluation.waiting is not None:
        message = f"{message}; it waits: {evaluation.waiting.reason}: {evaluation.waiting.message}"
    without_data = evaluation.waiting is not None and evaluation.waiting.reason == EvaluationReason.DATA_NOT_FOUND
    reason = PromotionReason.DATA_NOT_FOUND if without_data else PromotionReason.EVALUATING
    gate = Gate(passed=Truth.UNKNOWN, reason=reason, evaluation=name)
    return _decision(obs, PromotionPhase.EVALUATING, Severity.WORKING, message, gate, now=now, actions=actions)


def _no_baseline(obs: Observed) -> str:
    if obs.current is None:
        return f"{obs.spec.alias} points at no version"
    return f"{obs.spec.alias} points at {obs.current}, which was deleted"


def _pass(obs: Observed, reason: PromotionReason, message: str, now: datetime, *, rollback: bool = False) -> Decision:
    candidate = obs.version.ref if obs.version is not None else None
    gate = Gate(
        passed=Truth.TRUE, reason=reason, message=message, origin=obs.points, candidate=candidate, rollback=rollback
    )
    return _decided(obs, PromotionPhase.PROMOTING, gate, now)


def _decided(obs: Observed, phase: PromotionPhase, gate: Gate, now: datetime) -> Decision:
    severity = Severity.WORKING if phase is PromotionPhase.PROMOTING else Severity.STALLED
    return _decision(obs, phase, severity, gate.message, gate, now=now)


def _wait(
    obs: Observed, reason: PromotionReason, message: str, now: datetime, *, evaluation: str | None = None
) -> Decision:
    gate = Gate(passed=Truth.UNKNOWN, reason=reason, evaluation=evaluation)
    return _decision(obs, PromotionPhase.PENDING, Severity.WORKING, message, gate, now=now)


def _end(obs: Observed, phase: PromotionPhase, reason: PromotionReason, message: str, now: datetime) -> Decision:
    """The end of a Promotion that did not get as far as its gate."""
    gate = Gate(passed=Truth.FALSE, reason=reason, message=message, evaluation=obs.status.evaluation)
    return _decided(obs, phase, gate, now)


def _already_there(obs: Observed, now: datetime) -> Decision:
    message = f"{obs.spec.alias} points at {obs.spec.version} already"
    candidate = obs.version.ref if obs.version is not None else None
    gate = Gate(
        passed=Truth.TRUE,
        reason=PromotionReason.ALREADY_THERE,
        message=message,
        origin=obs.points,
        candidate=candidate,
    )
    return _decision(obs, PromotionPhase.PROMOTED, Severity.READY, message, gate, now=now)


def _promoted(obs: Observed, since: str) -> Decision:
    finding, changes = promoted(obs.status, f"{obs.spec.alias} points at {obs.spec.version} since {since}", since)
    return Decision(finding=finding, changes=changes, depends_on=_depends_on(obs, finding, moved=True))


def _decision(
    obs: Observed,
    phase: PromotionPhase,
    severity: Severity,
    message: str,
    gate: Gate,
    *,
    now: datetime,
    actions: tuple[Action, ...] = (),
) -> Decision:
    finding, changes = decided(phase, severity, message, gate, now)
    return Decision(
        finding=finding,
        changes=changes,
        actions=actions,
        depends_on=_depends_on(obs, finding, moved=False),
        confirm_absent=_confirm_absent(obs, finding, actions),
    )


def _confirm_absent(obs: Observed, finding: Finding, actions: tuple[Action, ...]) -> tuple[tuple[Resource, Key], ...]:
    """The version that the alias points at, where the Promotion is decided without it because it was deleted."""
    ends = finding.reason == PromotionReason.BASELINE_MISSING
    if obs.points is None or obs.target_cached or not (actions or ends):
        return ()
    return ((MODEL_VERSIONS, Key(obs.obj["metadata"]["namespace"], obs.points.version)),)


def _depends_on(obs: Observed, finding: Finding, *, moved: bool) -> tuple[tuple[Resource, Manifest], ...]:
    """The Model, before an end that follows from where the alias points, which is for good.

    By an alias of the past a Promotion that takes it back would be there already, and a gate have measured against the
    wrong version. That the alias was moved by this Promotion, or that a newer one asks for it, is true for ever.
    """
    by_alias = finding.phase in TERMINAL and finding.phase is not PromotionPhase.SUPERSEDED and not moved
    return ((MODELS, obs.model),) if by_alias and obs.model is not None else ()
