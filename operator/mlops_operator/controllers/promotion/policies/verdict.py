"""What an Evaluation's verdict means for the Promotion that asked for it: only a pass lets anything happen."""

from typing import Final

from mlops_operator.api.evaluation import EvaluationReason, Verdict
from mlops_operator.api.promotion import PromotionReason

REASONS: Final = {
    Verdict.PASS: PromotionReason.GATE_PASSED,
    Verdict.FAIL: PromotionReason.GATE_FAILED,
    Verdict.INCONCLUSIVE: PromotionReason.GATE_INCONCLUSIVE,
    Verdict.NO_DATA: PromotionReason.GATE_INCONCLUSIVE,
    Verdict.ERROR: PromotionReason.EVALUATION_FAILED,
}


def by_verdict(verdict: Verdict, reason: str = "") -> tuple[bool, PromotionReason]:
    """Whether the gate is passed, and why or why not.

    Args:
        verdict: of the Evaluation.
        reason: that of its condition `Ready`.
    """
    if reason == EvaluationReason.TOO_FEW_NEW_ROWS:
        return False, PromotionReason.VERSION_REJECTED
    return verdict is Verdict.PASS, REASONS[verdict]
