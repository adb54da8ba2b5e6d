# SPDX-License-Identifier: Apache-2.0
"""The Promotion controller: what it declares, and how it decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlops_operator.api.conditions import Truth
from mlops_operator.api.meta import Manifest
from mlops_operator.api.promotion import PROMOTION, TERMINAL, PromotionPhase, PromotionReason, PromotionStatus
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
from mlops_operator.controllers.promotion.observed import Observed, observe
from mlops_operator.controllers.promotion.plan import decide
from mlops_operator.controllers.promotion.status import Gate, decided
from mlops_operator.controllers.shared.indexes import (
    MODEL_VERSIONS_BY_DIGEST,
    referring,
    referring_if_changed,
    usability,
)
from mlops_operator.controllers.shared.promotions import OPEN_PROMOTIONS_BY_ALIAS
from mlops_operator.controllers.shared.watches import looked_up
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.finding import Decision, Severity
from mlops_operator.framework.rejections import Refusal
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS, RETRAIN_POLICIES
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Read


class PromotionController(KindController[PromotionStatus, Observed]):
    """Decides whether an alias may point at a version."""

    kind = PROMOTION
    status = PromotionStatus
    action = "Promote"
    spec_can_change = False
    invalid = PromotionReason.EVALUATION_FAILED
    watches: Sequence[Watch] = (
        Watch(resource=MODELS, keys=referring(OPEN_PROMOTIONS_BY_MODEL), between=open_promotions_of_changed_aliases),
        Watch(
            resource=MODEL_VERSIONS,
            keys=concerned_by_version,
            between=referring_if_changed(OPEN_PROMOTIONS_BY_VERSION, usability),
        ),
        looked_up(RETRAIN_POLICIES),
        Watch(resource=EVALUATIONS, keys=owner_keys(PROMOTIONS)),
        Watch(resource=PROMOTIONS, keys=next_superseded, between=next_superseded_if_ended),
    )
    indexes: Sequence[Index] = (
        REQUESTS_BY_ALIAS,
        SUPERSEDABLE_BY_ALIAS,
        OPEN_PROMOTIONS_BY_ALIAS,
        OPEN_PROMOTIONS_BY_MODEL,
        OPEN_PROMOTIONS_BY_VERSION,
        MODEL_VERSIONS_BY_DIGEST,
    )
    rules: Sequence[Rule] = (
        Rule(MODELS, ("get", "list", "watch")),
        Rule(RETRAIN_POLICIES, ("get", "list", "watch")),
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(EVALUATIONS, ("get", "list", "watch", "create")),
    )

    def is_final(self, former: PromotionStatus) -> bool:
        """Whether it is decided for good."""
        return former.phase in TERMINAL

    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:  # noqa: ARG002
        """See `observed.py`; the caches hold all it needs."""
        return observe(obj, world)

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """See `plan.py`."""
        return decide(observed, now)

    def refused(self, obj: Manifest, former: PromotionStatus, found: Refusal, now: datetime) -> Decision:  # noqa: ARG002
        """A refusal that waits for another spec is the end."""
        reason, message = PromotionReason(found.outcome.reason), found.outcome.message
        phase = PromotionPhase.REJECTED if found.final else PromotionPhase.PENDING
        gate = Gate(
            passed=Truth.FALSE if found.final else Truth.UNKNOWN, reason=reason, message=message if found.final else ""
        )
        severity = Severity.STALLED if found.outcome.stalled else Severity.WORKING
        finding, changes = decided(phase, severity, message, gate, now)
        return Decision(finding=finding, changes=changes)
