"""Wiring of the Promotion controller."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlops_operator.api.conditions import Truth, stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.api.promotion import TERMINAL, PromotionPhase, PromotionReason, PromotionStatus
from mlops_operator.controllers.promotion.indexes import (
    OPEN_PROMOTIONS_BY_MODEL,
    OPEN_PROMOTIONS_BY_VERSION,
    REQUESTS_BY_ALIAS,
    SUPERSEDABLE_BY_ALIAS,
    concerned_by_version,
    next_superseded,
    next_superseded_if_ended,
    open_promotions_of_changed_aliases,
)
from mlops_operator.controllers.promotion.observed import observe
from mlops_operator.controllers.promotion.plan import ACTION, plan
from mlops_operator.controllers.promotion.status import Gate, decided_status
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.events import transition_events
from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_DIGEST,
    referring,
    referring_if_changed,
    usability,
)
from mlops_operator.controllers.shared.promotions import OPEN_PROMOTIONS_BY_ALIAS
from mlops_operator.controllers.shared.specs import InvalidSpecError
from mlops_operator.controllers.shared.watches import looked_up
from mlops_operator.framework.rejections import refusal
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS, RETRAIN_POLICIES
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


class PromotionController:
    """Decides whether an alias may point at a version."""

    resource = PROMOTIONS

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002  (all controllers are made alike)
        self.watches: Sequence[Watch] = (
            Watch(
                resource=MODELS, keys=referring(OPEN_PROMOTIONS_BY_MODEL), between=open_promotions_of_changed_aliases
            ),
            Watch(
                resource=MODEL_VERSIONS,
                keys=concerned_by_version,
                between=referring_if_changed(OPEN_PROMOTIONS_BY_VERSION, usability),
            ),
            looked_up(RETRAIN_POLICIES),
            Watch(resource=EVALUATIONS, keys=owner_keys(PROMOTIONS)),
            Watch(resource=PROMOTIONS, keys=next_superseded, between=next_superseded_if_ended),
        )
        self.indexes: Sequence[Index] = (
            REQUESTS_BY_ALIAS,
            SUPERSEDABLE_BY_ALIAS,
            OPEN_PROMOTIONS_BY_ALIAS,
            OPEN_PROMOTIONS_BY_MODEL,
            OPEN_PROMOTIONS_BY_VERSION,
            MODEL_VERSIONS_BY_DIGEST,
        )
        self.rules: Sequence[Rule] = (
            Rule(MODELS, ("get", "list", "watch")),
            Rule(RETRAIN_POLICIES, ("get", "list", "watch")),
            Rule(MODEL_VERSIONS, ("get", "list", "watch")),
            Rule(EVALUATIONS, ("get", "list", "watch", "create")),
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
            return self._rejected(obj, PromotionReason.INVALID_SPEC, str(error), now)
        return plan(observed, now)

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A refused Evaluation ends it, since the spec cannot change.

        A forbidden one is tried again, and so is one whose name is taken: the other object may be deleted.
        """
        refused = refusal(rejection, spec_can_change=False, invalid=PromotionReason.EVALUATION_FAILED)
        reason = PromotionReason(refused.outcome.reason)
        if refused.final:
            return self._rejected(obj, reason, refused.outcome.message, now)
        before = PromotionStatus.of(obj)
        gate = Gate(passed=Truth.UNKNOWN, reason=reason)
        generation = obj["metadata"].get("generation", 1)
        after = decided_status(before, PromotionPhase.PENDING, refused.outcome, gate, generation=generation, now=now)
        events = transition_events(before, after, action=ACTION, warnings=(reason,))
        return Plan(status=after.to_manifest(), requeue_after=refused.retry_after, events=events)

    def _rejected(self, obj: Manifest, reason: PromotionReason, message: str, now: datetime) -> Plan:
        before = PromotionStatus.of(obj)
        if before.phase in TERMINAL:
            return Plan()
        gate = Gate(passed=Truth.FALSE, reason=reason, message=message)
        generation = obj["metadata"].get("generation", 1)
        outcome = stalled(reason, message)
        after = decided_status(before, PromotionPhase.REJECTED, outcome, gate, generation=generation, now=now)
        return Plan(status=after.to_manifest(), events=transition_events(before, after, action=ACTION))
