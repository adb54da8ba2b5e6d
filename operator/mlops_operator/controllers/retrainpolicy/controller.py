# SPDX-License-Identifier: Apache-2.0
"""The RetrainPolicy controller: what it declares, and how it decides."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import RETRAIN_POLICY, PolicyPhase, RetrainPolicyStatus
from mlops_operator.controllers.retrainpolicy.indexes import (
    POLICIES_BY_MODEL,
    POLICIES_BY_MONITOR,
    POLICIES_BY_OPEN_VERSION,
    VERSIONS_BY_TRAINING,
    policies_of_changed_deployment,
    policies_of_deployment,
    spec_and_aliases,
    spec_and_windows,
)
from mlops_operator.controllers.retrainpolicy.observed import Observed, observe
from mlops_operator.controllers.retrainpolicy.plan import decide
from mlops_operator.controllers.retrainpolicy.policies.guards import Circuit
from mlops_operator.controllers.retrainpolicy.status import ACTION, QUIET, WARNINGS, decision_events, phase_of
from mlops_operator.controllers.shared.indexes import MONITORS_BY_DEPLOYMENT, referring, referring_if_changed, usability
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.finding import Decision, Finding
from mlops_operator.framework.rejections import Refusal
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
from mlops_operator.runtime.work.plan import Event, Read


class RetrainPolicyController(KindController[RetrainPolicyStatus, Observed]):
    """Decides when a model is trained again."""

    kind = RETRAIN_POLICY
    status = RetrainPolicyStatus
    action = ACTION
    quiet = QUIET
    watches: Sequence[Watch] = (
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
    indexes: Sequence[Index] = (
        POLICIES_BY_MODEL,
        POLICIES_BY_MONITOR,
        POLICIES_BY_OPEN_VERSION,
        MONITORS_BY_DEPLOYMENT,
        VERSIONS_BY_TRAINING,
    )
    rules: Sequence[Rule] = (
        Rule(MODELS, ("get", "list", "watch")),
        Rule(MODEL_MONITORS, ("get", "list", "watch")),
        Rule(MODEL_DEPLOYMENTS, ("get", "list", "watch")),
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(TRAINING_JOBS, ("get", "list", "watch", "create")),
        Rule(PROMOTIONS, ("get", "list", "watch", "create")),
    )

    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:  # noqa: ARG002
        """See `observed.py`; the caches hold all it needs."""
        return observe(obj, world)

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """See `plan.py`."""
        return decide(observed, now)

    def refused(self, obj: Manifest, former: RetrainPolicyStatus, found: Refusal, now: datetime) -> Decision:  # noqa: ARG002
        """The decisions stay as they are, and so does the state of the circuit breaker."""
        suspended = bool((obj.get("spec") or {}).get("suspend"))
        circuit = Circuit.OPEN if former.phase == PolicyPhase.CIRCUIT_OPEN else Circuit.CLOSED
        phase = phase_of(former, suspended=suspended, circuit=circuit)
        return Decision(finding=Finding.of(phase, found.outcome))

    def warnings(self, after: RetrainPolicyStatus) -> Collection[str]:  # noqa: ARG002
        """Reasons that may need a change by the user."""
        return WARNINGS

    def first_events(self, before: RetrainPolicyStatus, after: RetrainPolicyStatus) -> tuple[Event, ...]:
        """What was decided."""
        return decision_events(before.decisions, after.decisions)
