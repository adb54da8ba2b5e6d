"""Where an alias points: moved by Promotions that passed the alias's gate, and by nothing else.

A Promotion says from which version it was allowed to move the alias. If the alias points
elsewhere by now, the evidence is about another comparison and moves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import is_true, timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import MAX_ALIAS_HISTORY, AliasStatus, AliasTerm
from mlops_operator.api.promotion import GATE_PASSED, TERMINAL, PromotionSpec, PromotionStatus


@dataclass(frozen=True, kw_only=True)
class ObservedPromotion:
    """A Promotion as the Model sees it."""

    name: str
    uid: str
    created: str
    spec: PromotionSpec
    status: PromotionStatus

    @classmethod
    def of(cls, obj: Manifest) -> "ObservedPromotion":
        """From the object."""
        metadata = obj["metadata"]
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            created=metadata["creationTimestamp"],
            spec=PromotionSpec.model_validate(obj["spec"]),
            status=PromotionStatus.of(obj),
        )

    @property
    def terminal(self) -> bool:
        """Whether it is decided."""
        return self.status.phase in TERMINAL


def applied(current: AliasStatus | None) -> frozenset[str]:
    """UIDs of the Promotions that have moved the alias already, as far back as its history goes.

    A Promotion's own status may lag; what was carried out once is not carried out again.
    """
    if current is None:
        return frozenset()
    return frozenset((current.promotion_uid, *(term.promotion_uid for term in current.history)))


def next_move(
    alias: str, current: AliasStatus | None, promotions: Sequence[ObservedPromotion]
) -> ObservedPromotion | None:
    """The Promotion that moves the alias now: the newest of those that may; None if there is none."""
    pointing_at = current.version if current else None
    done = applied(current)
    candidates = [
        promotion
        for promotion in promotions
        if promotion.spec.alias == alias
        and not promotion.terminal
        and is_true(promotion.status.conditions, GATE_PASSED)
        and promotion.status.from_version == pointing_at
        and promotion.spec.version != pointing_at
        and promotion.uid not in done
    ]
    return max(candidates, key=lambda promotion: (promotion.created, promotion.name), default=None)


def moved(current: AliasStatus | None, promotion: ObservedPromotion, now: datetime) -> AliasStatus:
    """The alias after a Promotion; the former term goes into its history."""
    history: tuple[AliasTerm, ...] = ()
    if current is not None:
        former = AliasTerm(
            version=current.version,
            promotion=current.promotion,
            promotion_uid=current.promotion_uid,
            since=current.since,
        )
        history = (former, *current.history)[:MAX_ALIAS_HISTORY]
    return AliasStatus(
        name=promotion.spec.alias,
        version=promotion.spec.version,
        promotion=promotion.name,
        promotion_uid=promotion.uid,
        since=timestamp(now),
        history=history,
    )
