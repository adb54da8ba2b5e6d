"""Wiring of the RetrainPolicy controller."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlops_operator.api.conditions import Outcome, stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import PolicyPhase, PolicyReason, RetrainPolicyStatus
from mlops_operator.controllers.retrainpolicy.indexes import (
    MONITORS_BY_TARGET,
    POLICIES_BY_MODEL,
    POLICIES_BY_MONITOR,
    POLICIES_BY_OPEN_VERSION,
    VERSIONS_BY_TRAINING,
    policies_of_changed_deployment,
    policies_of_deployment,
    spec_and_aliases,
    spec_and_windows,
)
from mlops_operator.controllers.retrainpolicy.observed import observe
from mlops_operator.controllers.retrainpolicy.plan import plan
from mlops_operator.controllers.retrainpolicy.policies.guards import Circuit
from mlops_operator.controllers.retrainpolicy.status import events_between, final_status, phase_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.indexes import referring, referring_if_changed, usability
from mlops_operator.controllers.shared.specs import InvalidSpecError
from mlops_operator.framework.rejections import refusal
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


class RetrainPolicyController:
    """Decides when a model is trained again."""

    resource = RETRAIN_POLICIES

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002  (all controllers are made alike)
        self.watches: Sequence[Watch] = (
            Watch(
                resource=MODELS,
                keys=referring(POLICIES_BY_MODEL),
                between=referring_if_changed(POLICIES_BY_MODEL, spec_and_aliases),
            ),
            Watch(
                resource=MODEL_MONITORS,
                keys=referring(POLICIES_BY_MONITOR),
                between=referring_if_changed(POLICIES_BY_MONITOR, spec_and_windows),
            ),
            Watch(resource=MODEL_DEPLOYMENTS, keys=policies_of_deployment, between=policies_of_changed_deployment),
            Watch(
                resource=MODEL_VERSIONS,
                keys=referring(POLICIES_BY_OPEN_VERSION),
                between=referring_if_changed(POLICIES_BY_OPEN_VERSION, usability),
            ),
            Watch(resource=TRAINING_JOBS, keys=owner_keys(RETRAIN_POLICIES)),
            Watch(resource=PROMOTIONS, keys=owner_keys(RETRAIN_POLICIES)),
        )
        self.indexes: Sequence[Index] = (
            POLICIES_BY_MODEL,
            POLICIES_BY_MONITOR,
            POLICIES_BY_OPEN_VERSION,
            MONITORS_BY_TARGET,
            VERSIONS_BY_TRAINING,
        )
        self.rules: Sequence[Rule] = (
            Rule(MODELS, ("get", "list", "watch")),
            Rule(MODEL_MONITORS, ("get", "list", "watch")),
            Rule(MODEL_DEPLOYMENTS, ("get", "list", "watch")),
            Rule(MODEL_VERSIONS, ("get", "list", "watch")),
            Rule(TRAINING_JOBS, ("get", "list", "watch", "create")),
            Rule(PROMOTIONS, ("get", "list", "watch", "create")),
        )

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:  # noqa: ARG002  (the interface)
        """None: the caches hold all it needs."""
        return ()

    def plan(
        self,
        obj: Manifest,
        world: World,
        reads: Mapping[Read, Sequence[Manifest]],  # noqa: ARG002  (the interface)
        now: datetime,
    ) -> Plan:
        """The next step; see `plan.py`."""
        try:
            observed = observe(obj, world)
        except InvalidSpecError as error:
            return _said(obj, stalled(PolicyReason.INVALID_SPEC, str(error)), now)
        return plan(observed, now)

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A refused child stalls the policy until its spec changes; a forbidden one or a taken name is tried again."""
        refused = refusal(rejection, spec_can_change=True)
        return _said(obj, refused.outcome, now, requeue_after=refused.retry_after)


def _said(obj: Manifest, outcome: Outcome, now: datetime, *, requeue_after: float | None = None) -> Plan:
    before = RetrainPolicyStatus.of(obj)
    suspended = bool((obj.get("spec") or {}).get("suspend"))
    circuit = Circuit.OPEN if before.phase == PolicyPhase.CIRCUIT_OPEN else Circuit.CLOSED
    phase = phase_of(before, suspended=suspended, circuit=circuit)
    after = final_status(before, phase, outcome, generation=obj["metadata"].get("generation", 1), now=now)
    return Plan(status=after.to_manifest(), requeue_after=requeue_after, events=events_between(before, after))
