# SPDX-License-Identifier: Apache-2.0
"""Whether a gate has rejected the version.

Only a gate that was asked and refused rejects. An inconclusive comparison says nothing about the version, and a
Promotion that failed otherwise neither. Of each gate the latest result that decides counts: a pass on newer rows ends
the rejection.
"""

from collections.abc import Sequence

from mlops_operator.api.conditions import Condition, Fact, Truth, find
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import Rejection
from mlops_operator.api.modelversion import REJECTED, GateResult, ModelVersionReason
from mlops_operator.controllers.shared.rejections import has_ended


def rejection(results: Sequence[GateResult], remembered: Sequence[Rejection], previous: Sequence[Condition]) -> Fact:
    """The condition `Rejected`. Once true it stays so until a record ends it: lost records do not.

    Args:
        results: those that the version has recorded.
        remembered: rejections of its artifact that the Model remembers, also under other names.
        previous: the conditions so far.
    """
    passed = _passed_after(results, remembered)
    failures = [result for result in results if result.verdict is Verdict.FAIL]
    standing = [result for result in failures if not has_ended(result.newest_row, passed.get(result.gate))]
    if standing:
        first = min(standing, key=lambda result: (result.time, result.promotion))
        words = f": {first.message}" if first.message else ""
        return _rejected(f"the gate of {first.alias} rejected it (Promotion {first.promotion}){words}")
    others = [entry for entry in remembered if not has_ended(entry.newest_row, passed.get(entry.gate))]
    if others:
        entry = others[0]
        return _rejected(
            f"the gate of {entry.alias} rejected its artifact as {entry.version} (Promotion {entry.promotion})"
        )
    if failures or remembered:
        return Fact(
            REJECTED, Truth.FALSE, ModelVersionReason.NOT_REJECTED, "a gate that rejected it passed on newer rows"
        )
    return standing_fact(previous)


def standing_fact(previous: Sequence[Condition]) -> Fact:
    """The condition as it was last."""
    former = find(previous, REJECTED)
    if former is None:
        return Fact(REJECTED, Truth.FALSE, ModelVersionReason.NOT_REJECTED)
    return Fact(REJECTED, former.status, former.reason, former.message)


def _passed_after(results: Sequence[GateResult], remembered: Sequence[Rejection]) -> dict[str, str]:
    """By gate, the latest time after which the rows were new to a measurement that the artifact passed."""
    passes = [(result.gate, result.recent_after) for result in results if result.verdict is Verdict.PASS]
    passes += [(entry.gate, entry.passed_after) for entry in remembered]
    latest: dict[str, str] = {}
    for gate, after in passes:
        if after is not None:
            latest[gate] = max(after, latest.get(gate, after))
    return latest


def _rejected(message: str) -> Fact:
    return Fact(REJECTED, Truth.TRUE, ModelVersionReason.GATE_FAILED, message)
