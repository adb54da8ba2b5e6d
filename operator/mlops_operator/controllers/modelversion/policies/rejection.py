"""Whether a gate has rejected the version.

Only a gate that was asked and said no rejects. An inconclusive comparison says nothing about
the version, and a Promotion that failed otherwise neither.
"""

from collections.abc import Iterable, Sequence

from mlops_operator.api.conditions import READY, Condition, Fact, Truth, find
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import REJECTED, ModelVersionReason
from mlops_operator.api.promotion import GATE_PASSED, PromotionPhase, PromotionReason, PromotionStatus


def rejection(promotions: Iterable[Manifest], previous: Sequence[Condition]) -> Fact:
    """The condition `Rejected`. Once true it stays so, even if the Promotion is deleted: history does not unmake it."""
    former = find(previous, REJECTED)
    if former is not None and former.status is Truth.TRUE:
        return Fact(REJECTED, Truth.TRUE, former.reason, former.message)
    for promotion in sorted(promotions, key=lambda entry: entry["metadata"]["creationTimestamp"]):
        status = PromotionStatus.of(promotion)
        if status.phase == PromotionPhase.REJECTED and _failed_its_gate(status.conditions):
            alias = promotion["spec"]["alias"]
            words = f": {status.message}" if status.message else ""
            message = f"the gate of {alias} refused it (Promotion {promotion['metadata']['name']}){words}"
            return Fact(REJECTED, Truth.TRUE, ModelVersionReason.GATE_FAILED, message)
    return Fact(REJECTED, Truth.FALSE, ModelVersionReason.NOT_REJECTED)


def _failed_its_gate(conditions: Sequence[Condition]) -> bool:
    found = (find(conditions, kind) for kind in (GATE_PASSED, READY))
    return any(condition is not None and condition.reason == PromotionReason.GATE_FAILED for condition in found)
