"""Whether a gate has rejected the version.

Only a gate that was asked and refused rejects. An inconclusive comparison says nothing about the version, and a
Promotion that failed otherwise neither.
"""

from collections.abc import Sequence

from mlops_operator.api.conditions import Condition, Fact, Truth, find
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import Rejection
from mlops_operator.api.modelversion import REJECTED, GateResult, ModelVersionReason


def rejection(results: Sequence[GateResult], remembered: Sequence[Rejection], previous: Sequence[Condition]) -> Fact:
    """The condition `Rejected`. Once true it stays so.

    Args:
        results: those that the version has recorded.
        remembered: rejections of its artifact that the Model remembers, from a version that was deleted.
        previous: the conditions so far.
    """
    former = find(previous, REJECTED)
    if former is not None and former.status is Truth.TRUE:
        return Fact(REJECTED, Truth.TRUE, former.reason, former.message)
    failures = [result for result in results if result.verdict is Verdict.FAIL]
    if failures:
        first = min(failures, key=lambda result: (result.time, result.promotion))
        words = f": {first.message}" if first.message else ""
        message = f"the gate of {first.alias} refused it (Promotion {first.promotion}){words}"
        return Fact(REJECTED, Truth.TRUE, ModelVersionReason.GATE_FAILED, message)
    if remembered:
        entry = remembered[0]
        message = f"the gate of {entry.alias} refused its artifact as {entry.version} (Promotion {entry.promotion})"
        return Fact(REJECTED, Truth.TRUE, ModelVersionReason.GATE_FAILED, message)
    return Fact(REJECTED, Truth.FALSE, ModelVersionReason.NOT_REJECTED)
