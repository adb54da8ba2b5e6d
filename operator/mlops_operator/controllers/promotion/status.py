# SPDX-License-Identifier: Apache-2.0
"""The findings about a Promotion, and the fields of its status that change with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import MAX_MESSAGE, Fact, Truth, timestamp
from mlops_operator.api.evaluation import MetricStatus, Verdict
from mlops_operator.api.model import AliasStatus
from mlops_operator.api.promotion import GATE_PASSED, TERMINAL, PromotionPhase, PromotionReason, PromotionStatus
from mlops_operator.framework.finding import Finding, Severity


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the gate said, with its evidence.

    Attributes:
        passed: `Unknown` while it has not decided, or where it was never asked.
        origin: where the alias pointed when it was passed.
        candidate: the version that was let through.
        baseline: what the version was compared with.
    """

    passed: Truth
    reason: PromotionReason
    message: str = ""
    origin: AliasStatus | None = None
    candidate: VersionRef | None = None
    baseline: VersionRef | None = None
    rollback: bool = False
    evaluation: str | None = None
    evaluation_uid: str = ""
    verdict: Verdict | None = None
    metrics: tuple[MetricStatus, ...] = ()


def decided(
    phase: PromotionPhase, severity: Severity, message: str, gate: Gate, now: datetime
) -> tuple[Finding, Mapping[str, object]]:
    """A Promotion in `phase`, on the word of `gate`; nothing of a former decision is left."""
    over = gate.passed is not Truth.UNKNOWN or phase in TERMINAL
    changes = {
        "from_version": gate.origin.version if gate.origin is not None else None,
        "from_uid": gate.origin.version_uid if gate.origin is not None else "",
        "candidate": gate.candidate,
        "baseline": gate.baseline,
        "rollback": gate.rollback,
        "evaluation": gate.evaluation,
        "evaluation_uid": gate.evaluation_uid,
        "verdict": gate.verdict,
        "metrics": gate.metrics,
        "message": message[:MAX_MESSAGE],
        "decided_at": timestamp(now) if over else None,
        "promoted_at": None,
    }
    return _finding(phase, severity, gate.reason, message, gate), changes


def promoted(status: PromotionStatus, message: str, since: str) -> tuple[Finding, Mapping[str, object]]:
    """The Model has moved the alias: the gate's decision stays, with its evidence."""
    gate = Gate(passed=Truth.TRUE, reason=_passed_by(status), message=status.message)
    finding = _finding(PromotionPhase.PROMOTED, Severity.READY, PromotionReason.PROMOTED, message, gate)
    return finding, {
        "message": message[:MAX_MESSAGE],
        "decided_at": status.decided_at or since,
        "promoted_at": since,
    }


def gate_is_passed(status: PromotionStatus) -> bool:
    """Whether a former plan let the version through."""
    return any(entry.type == GATE_PASSED and entry.status is Truth.TRUE for entry in status.conditions)


def _passed_by(status: PromotionStatus) -> PromotionReason:
    for entry in status.conditions:
        if entry.type == GATE_PASSED and entry.status is Truth.TRUE:
            return PromotionReason(entry.reason)
    return PromotionReason.GATE_PASSED


def _finding(phase: PromotionPhase, severity: Severity, reason: PromotionReason, message: str, gate: Gate) -> Finding:
    fact = Fact(GATE_PASSED, gate.passed, gate.reason, gate.message)
    return Finding(phase=phase, reason=reason, message=message, severity=severity, facts=(fact,))
