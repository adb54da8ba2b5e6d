"""Whether a gate has rejected the version.

Only a gate that was asked and said no rejects. An inconclusive comparison says nothing about
the version, and a Promotion that failed otherwise neither.
"""

from collections.abc import Iterable, Sequence

from mlops_operator.api.conditions import Condition, Fact, Truth, find
from mlops_operator.api.modelversion import REJECTED, ModelVersionReason
from mlops_operator.controllers.shared.promotions import GateFailure


def rejection(failures: Iterable[GateFailure], previous: Sequence[Condition]) -> Fact:
    """The condition `Rejected`. Once true it stays so, even if the Promotion is deleted: history does not unmake it."""
    former = find(previous, REJECTED)
    if former is not None and former.status is Truth.TRUE:
        return Fact(REJECTED, Truth.TRUE, former.reason, former.message)
    first = min(failures, default=None)
    if first is None:
        return Fact(REJECTED, Truth.FALSE, ModelVersionReason.NOT_REJECTED)
    words = f": {first.message}" if first.message else ""
    message = f"the gate of {first.alias} refused it (Promotion {first.promotion}){words}"
    return Fact(REJECTED, Truth.TRUE, ModelVersionReason.GATE_FAILED, message)
