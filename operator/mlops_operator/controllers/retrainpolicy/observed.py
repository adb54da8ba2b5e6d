# SPDX-License-Identifier: Apache-2.0
"""All that a RetrainPolicy's plan sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from mlops_operator.api.conditions import READY, STALLED, find, is_true
from mlops_operator.api.meta import API_VERSION, Key, Manifest, controller_reference
from mlops_operator.api.model import AliasMove, AliasStatus, AliasTerm, ModelSpec, ModelStatus
from mlops_operator.api.modelmonitor import ModelMonitorStatus, Window
from mlops_operator.api.promotion import PromotionStatus
from mlops_operator.api.retrainpolicy import (
    RESUME_ANNOTATION,
    TRIGGER_ANNOTATION,
    Decision,
    RetrainPolicySpec,
    RetrainPolicyStatus,
)
from mlops_operator.api.trainingjob import COMPLETE, FAILED, TrainingJobStatus
from mlops_operator.controllers.retrainpolicy.indexes import VERSIONS_BY_TRAINING
from mlops_operator.controllers.retrainpolicy.policies.follow import PromotionView, TrainingView
from mlops_operator.controllers.retrainpolicy.policies.hold import Author, Term
from mlops_operator.controllers.retrainpolicy.policies.signal import MonitorView
from mlops_operator.controllers.retrainpolicy.render import (
    carried_decision,
    decision_children,
    render_promotion,
    render_training_job,
)
from mlops_operator.controllers.shared.served import view_served
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from mlops_operator.runtime.cache.watch import World

_AUTOMATION: Final = frozenset({RETRAIN_POLICIES.kind, MODELS.kind})
"""Kinds whose Promotions are not made by a user: new versions of policies, and first versions of empty aliases."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What has come of an open decision so far."""

    training: TrainingView | None
    version: VersionView | None
    promotion: PromotionView | None


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A RetrainPolicy, the objects that its signals and decisions refer to, and its Model.

    Attributes:
        model: the Model, or None.
        aliases: the names that the Model declares; None where there is no Model.
        terms: where the policy's alias points, and its former terms, the latest first.
        monitors: by name, each that a signal names.
        cases: by id, each decision that is in progress.
        carried: the decisions that the policy's TrainingJobs carry.
        annotation: the value of the trigger annotation, or None.
        resume: the value of the resume annotation, or None.
    """

    obj: Manifest
    spec: RetrainPolicySpec
    status: RetrainPolicyStatus
    model: Manifest | None
    aliases: tuple[str, ...] | None
    terms: tuple[Term, ...]
    monitors: Mapping[str, MonitorView]
    cases: Mapping[str, Case]
    carried: tuple[Decision, ...]
    annotation: str | None
    resume: str | None

    @property
    def uid(self) -> str:
        """The policy's UID."""
        return str(self.obj["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.obj["metadata"].get("generation", 1))


def observe(obj: Manifest, world: World) -> Observed:
    """Put together what the plan sees.

    Raises:
        InvalidSpecError: the spec does not fit its model.
    """
    spec = parse_spec(RetrainPolicySpec, obj)
    status = RetrainPolicyStatus.of(obj)
    namespace = obj["metadata"]["namespace"]
    trainings = {child["metadata"]["name"]: child for child in world.owned(TRAINING_JOBS, obj["metadata"]["uid"])}
    annotations = obj["metadata"].get("annotations") or {}
    model = world.get(MODELS, Key(namespace, spec.model))
    carried = [decision for child in trainings.values() if (decision := _carried(obj, child)) is not None]
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        model=model,
        aliases=_aliases(model),
        terms=_terms(obj, spec, status, model, world),
        monitors={signal.monitor: _monitor(namespace, signal.monitor, world) for signal in spec.signals},
        cases={
            decision.id: _case(obj, decision, trainings.get(decision.training_job or ""), world)
            for decision in status.decisions
            if decision.open
        },
        carried=tuple(carried),
        annotation=annotations.get(TRIGGER_ANNOTATION),
        resume=annotations.get(RESUME_ANNOTATION),
    )


def _carried(obj: Manifest, training_job: Manifest) -> Decision | None:
    """The decision that a TrainingJob carries, if the policy would create this TrainingJob for it.

    A user can create a TrainingJob with the policy as its owner and any decision.
    """
    decision = carried_decision(training_job)
    if decision is None:
        return None
    names = decision_children(obj, decision)
    return decision if names.is_child(render_training_job(obj, decision), training_job) else None


def _aliases(model: Manifest | None) -> tuple[str, ...] | None:
    if model is None:
        return None
    try:
        return tuple(alias.name for alias in ModelSpec.model_validate(model.get("spec") or {}).aliases)
    except ValidationError:
        return ()  # the Model itself says what is wrong with its spec


def _terms(
    obj: Manifest, spec: RetrainPolicySpec, status: RetrainPolicyStatus, model: Manifest | None, world: World
) -> tuple[Term, ...]:
    """The terms of the policy's alias, the latest first."""
    if model is None or spec.promote is None:
        return ()
    name = spec.promote.alias
    alias = next((entry for entry in ModelStatus.of(model).aliases if entry.name == name), None)
    if alias is None:
        return ()
    own = {decision.promotion for decision in status.decisions if decision.promotion is not None}
    entries: tuple[AliasStatus | AliasTerm, ...] = (alias, *alias.history)
    return tuple(_term(obj, entry, own, world) for entry in entries)


def _term(obj: Manifest, entry: AliasStatus | AliasTerm, own: set[str], world: World) -> Term:
    return Term(
        version=entry.version,
        uid=entry.version_uid,
        digest=entry.digest,
        promotion=entry.promotion or "",
        promotion_uid=entry.promotion_uid,
        since=entry.since,
        author=_author(obj, entry, own, world),
    )


def _author(obj: Manifest, entry: AliasStatus | AliasTerm, own: set[str], world: World) -> Author:
    metadata = obj["metadata"]
    if entry.reason is AliasMove.RESTORED or entry.promotion is None:
        return Author.AUTOMATION
    promotion = world.get(PROMOTIONS, Key(metadata["namespace"], entry.promotion))
    if promotion is None or promotion["metadata"]["uid"] != entry.promotion_uid:
        return Author.SELF if entry.promotion in own else Author.UNKNOWN
    controller = controller_reference(promotion)
    if controller is None or controller["apiVersion"] != API_VERSION:
        return Author.USER
    if controller["uid"] == metadata["uid"]:
        return Author.SELF
    return Author.AUTOMATION if controller["kind"] in _AUTOMATION else Author.USER


def _monitor(namespace: str, name: str, world: World) -> MonitorView:
    monitor = world.get(MODEL_MONITORS, Key(namespace, name))
    if monitor is None:
        return MonitorView(found=False)
    target = ((monitor.get("spec") or {}).get("target") or {}).get("deployment", "")
    served = view_served(world.get(MODEL_DEPLOYMENTS, Key(namespace, target)))
    return MonitorView(
        found=True,
        version=served.stable,
        rolling_out=served.candidate,
        window=_window(monitor),
        windows=ModelMonitorStatus.of(monitor).windows,
    )


def _window(monitor: Manifest) -> Window | None:
    try:
        return Window.model_validate((monitor.get("spec") or {}).get("window") or {})
    except ValidationError:
        return None


def _case(obj: Manifest, decision: Decision, training_job: Manifest | None, world: World) -> Case:
    # The Create of a TrainingJob came before the record, so its name was this decision's own; from then on by UID.
    training = _training(training_job if _is_known(training_job, decision.training_job_uid) else None)
    name = decision.model_version or (training.model_version if training is not None else None)
    version = _version(obj["metadata"]["namespace"], name, decision, world)
    asked = decision.replace(model_version=version["metadata"]["name"] if version is not None else name)
    owned = world.owned(PROMOTIONS, obj["metadata"]["uid"])
    promotion = next((found for found in owned if _is_promotion(obj, asked, found)), None)
    return Case(training=training, version=view_version(version), promotion=_promotion(promotion))


def _is_known(found: Manifest | None, uid: str) -> bool:
    """Whether an object is the one on record; any, while none is."""
    return found is not None and uid in ("", found["metadata"]["uid"])


def _is_promotion(obj: Manifest, decision: Decision, found: Manifest) -> bool:
    """Whether a Promotion is the decision's; the policy's alias may have changed since it was created."""
    rendered = render_promotion(obj, decision, alias=found["spec"]["alias"])
    return decision_children(obj, decision).is_child(rendered, found)


def _version(namespace: str, name: str | None, decision: Decision, world: World) -> Manifest | None:
    """The version by its name, or by its lineage where the TrainingJob is gone before it told."""
    if name is not None:
        found = world.get(MODEL_VERSIONS, Key(namespace, name))
        return found if _is_known(found, decision.model_version_uid) else None
    if decision.training_job is None or not decision.training_job_uid:
        return None
    keys = world.keys(VERSIONS_BY_TRAINING, str(Key(namespace, decision.training_job)))
    versions = (world.get(MODEL_VERSIONS, key) for key in keys)
    return next(
        (entry for entry in versions if entry is not None and _made_by(entry) == decision.training_job_uid), None
    )


def _made_by(version: Manifest) -> str | None:
    uid: str | None = version["spec"]["lineage"]["trainingJob"].get("uid")
    return uid


def _training(obj: Manifest | None) -> TrainingView | None:
    if obj is None:
        return None
    status = TrainingJobStatus.of(obj)
    condition = find(status.conditions, READY)
    said = f"{condition.reason}: {condition.message}" if condition is not None else ""
    message = f"TrainingJob {obj['metadata']['name']}: {said}"
    failed = is_true(status.conditions, FAILED)
    return TrainingView(
        uid=obj["metadata"]["uid"],
        failed=failed,
        complete=is_true(status.conditions, COMPLETE),
        model_version=status.model_version,
        message=message,
        stalled=message if is_true(status.conditions, STALLED) and not failed else "",
        completed_at=status.completion_time,
    )


def _promotion(obj: Manifest | None) -> PromotionView | None:
    if obj is None:
        return None
    status = PromotionStatus.of(obj)
    metadata = obj["metadata"]
    return PromotionView(name=metadata["name"], uid=metadata["uid"], phase=status.phase or "", message=status.message)
