"""All that a RetrainPolicy's plan sees."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from mlops_operator.api.conditions import READY, STALLED, find, is_true
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.model import ModelSpec
from mlops_operator.api.modelmonitor import ModelMonitorStatus
from mlops_operator.api.promotion import PromotionStatus
from mlops_operator.api.retrainpolicy import TRIGGER_ANNOTATION, Decision, RetrainPolicySpec, RetrainPolicyStatus
from mlops_operator.api.trainingjob import COMPLETE, FAILED, TrainingJobStatus
from mlops_operator.controllers.retrainpolicy.indexes import VERSIONS_BY_TRAINING
from mlops_operator.controllers.retrainpolicy.policies.follow import PromotionView, TrainingView
from mlops_operator.controllers.retrainpolicy.policies.signal import MonitorView
from mlops_operator.controllers.retrainpolicy.render import carried_decision, decision_child
from mlops_operator.controllers.shared.served import view_served
from mlops_operator.controllers.shared.specs import parse_spec
from mlops_operator.controllers.shared.versions import VersionView, view_version
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    TRAINING_JOBS,
)
from mlops_operator.runtime.controller import World


@dataclass(frozen=True, kw_only=True)
class Case:
    """What has come of an open decision so far."""

    training: TrainingView | None
    version: VersionView | None
    promotion: PromotionView | None


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A RetrainPolicy, what its signals look at, and what its decisions have come to.

    Attributes:
        aliases: the names that the Model declares; None where there is no Model.
        monitors: by name, each that a signal names.
        cases: by id, each decision that is under way.
        carried: the decisions that the policy's TrainingJobs carry.
        annotation: the value of the trigger annotation, or None.
    """

    obj: Manifest
    spec: RetrainPolicySpec
    status: RetrainPolicyStatus
    aliases: tuple[str, ...] | None
    monitors: Mapping[str, MonitorView]
    cases: Mapping[str, Case]
    carried: tuple[Decision, ...]
    annotation: str | None

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
    carried = [decision for child in trainings.values() if (decision := carried_decision(child)) is not None]
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        aliases=_aliases(world.get(MODELS, Key(namespace, spec.model))),
        monitors={signal.monitor: _monitor(namespace, signal.monitor, world) for signal in spec.signals},
        cases={
            decision.id: _case(obj, decision, trainings.get(decision.training_job or ""), world)
            for decision in status.decisions
            if decision.open
        },
        carried=tuple(carried),
        annotation=(obj["metadata"].get("annotations") or {}).get(TRIGGER_ANNOTATION),
    )


def _aliases(model: Manifest | None) -> tuple[str, ...] | None:
    if model is None:
        return None
    try:
        return tuple(alias.name for alias in ModelSpec.model_validate(model.get("spec") or {}).aliases)
    except ValidationError:
        return ()  # the Model itself says what is wrong with its spec


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
        windows=ModelMonitorStatus.of(monitor).windows,
    )


def _case(obj: Manifest, decision: Decision, training_job: Manifest | None, world: World) -> Case:
    training = _training(training_job)
    name = decision.model_version or (training.model_version if training is not None else None)
    uid, child = obj["metadata"]["uid"], decision_child(obj, decision)
    promotions = (found for found in world.owned(PROMOTIONS, uid) if found["metadata"]["name"] == child)
    return Case(
        training=training,
        version=view_version(_version(obj["metadata"]["namespace"], name, decision.training_job, world)),
        promotion=_promotion(next(promotions, None)),
    )


def _version(namespace: str, name: str | None, training_job: str | None, world: World) -> Manifest | None:
    """The version by its name, or by its lineage where the TrainingJob is gone before it told."""
    if name is not None:
        return world.get(MODEL_VERSIONS, Key(namespace, name))
    if training_job is None:
        return None
    found = world.indexed(VERSIONS_BY_TRAINING, str(Key(namespace, training_job)))
    return found[0] if found else None


def _training(obj: Manifest | None) -> TrainingView | None:
    if obj is None:
        return None
    status = TrainingJobStatus.of(obj)
    condition = find(status.conditions, READY)
    said = f"{condition.reason}: {condition.message}" if condition is not None else ""
    message = f"TrainingJob {obj['metadata']['name']}: {said}"
    failed = is_true(status.conditions, FAILED)
    return TrainingView(
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
    return PromotionView(phase=status.phase or "", message=status.message)
