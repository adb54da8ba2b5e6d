"""The status that follows from a decision."""

from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.common import VersionRef
from mlops_operator.api.conditions import MAX_MESSAGE, Condition, Fact, Outcome, Truth, contract, timestamp
from mlops_operator.api.evaluation import MetricStatus, Verdict
from mlops_operator.api.model import AliasStatus
from mlops_operator.api.promotion import GATE_PASSED, TERMINAL, PromotionPhase, PromotionReason, PromotionStatus


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


def decided_status(
    status: PromotionStatus,
    phase: PromotionPhase,
    outcome: Outcome,
    gate: Gate,
    *,
    generation: int,
    now: datetime,
) -> PromotionStatus:
    """The status of a Promotion in `phase`, on the word of `gate`; nothing of a former decision is left."""
    decided = gate.passed is not Truth.UNKNOWN or phase in TERMINAL
    return PromotionStatus(
        observed_generation=generation,
        phase=phase.value,
        from_version=gate.origin.version if gate.origin is not None else None,
        from_uid=gate.origin.version_uid if gate.origin is not None else "",
        candidate=gate.candidate,
        baseline=gate.baseline,
        rollback=gate.rollback,
        evaluation=gate.evaluation,
        evaluation_uid=gate.evaluation_uid,
        verdict=gate.verdict,
        metrics=gate.metrics,
        message=outcome.message[:MAX_MESSAGE],
        decided_at=timestamp(now) if decided else None,
        conditions=_conditions(status, outcome, gate, generation=generation, now=now),
    )


def promoted_status(
    status: PromotionStatus, outcome: Outcome, *, since: str, generation: int, now: datetime
) -> PromotionStatus:
    """The Model has moved the alias: the gate's decision stays, with its evidence."""
    gate = Gate(passed=Truth.TRUE, reason=_passed_by(status), message=status.message)
    return status.replace(
        observed_generation=generation,
        phase=PromotionPhase.PROMOTED.value,
        message=outcome.message[:MAX_MESSAGE],
        decided_at=status.decided_at or since,
        promoted_at=since,
        conditions=_conditions(status, outcome, gate, generation=generation, now=now),
    )


def gate_is_passed(status: PromotionStatus) -> bool:
    """Whether a former plan let the version through."""
    return any(entry.type == GATE_PASSED and entry.status is Truth.TRUE for entry in status.conditions)


def _passed_by(status: PromotionStatus) -> PromotionReason:
    for entry in status.conditions:
        if entry.type == GATE_PASSED and entry.status is Truth.TRUE:
            return PromotionReason(entry.reason)
    return PromotionReason.GATE_PASSED


def _conditions(
    status: PromotionStatus, outcome: Outcome, gate: Gate, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    fact = Fact(GATE_PASSED, gate.passed, gate.reason, gate.message)
    return contract(status.conditions, outcome, generation=generation, now=now, facts=(fact,))
