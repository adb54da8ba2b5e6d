# SPDX-License-Identifier: Apache-2.0
"""What an Evaluation's verdict means for the Promotion that asked for it: only a pass lets anything happen.

The verdict counts once it is recorded, so that it outlives the objects it came from.
"""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.evaluation import EvaluationReason, Verdict
from mlops_operator.api.promotion import PromotionReason
from mlops_operator.controllers.shared.gates import RECORDED, RecordedResult

QUIET: Final = 10.0
"""Seconds for which a wait for the record is not reported: it usually takes less than one."""

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


def is_recorded(verdict: Verdict, results: Iterable[RecordedResult], *, evaluation_uid: str) -> bool:
    """Whether the Promotion may become final by this verdict of its Evaluation."""
    return verdict not in RECORDED or any(result.evaluation_uid == evaluation_uid for result in results)
