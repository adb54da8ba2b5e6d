# SPDX-License-Identifier: Apache-2.0
"""Consecutive failures: trainings that ended without a promotion, since the last promotion."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.retrainpolicy import Decision, DecisionResult, RetrainPolicyStatus

SUCCESSES: Final = frozenset({DecisionResult.PROMOTED, DecisionResult.TRAINED})
"""Results that reset the count."""

NEUTRAL: Final = frozenset({DecisionResult.HELD_BY_USER})
"""Results that say nothing of the training. Every other result is a failure."""


def with_results(status: RetrainPolicyStatus, ended: Iterable[Decision]) -> RetrainPolicyStatus:
    """The status with the results of decisions that ended counted.

    Args:
        status: before they are counted.
        ended: decisions that this plan closes, the oldest first.
    """
    for decision in ended:
        if decision.result in SUCCESSES:
            status = reset(status)
        elif decision.result not in NEUTRAL:
            status = status.replace(
                consecutive_failures=status.consecutive_failures + 1, last_failure=decision.completed_at
            )
    return status


def reset(status: RetrainPolicyStatus) -> RetrainPolicyStatus:
    """The status without failures: no backoff, and a closed circuit."""
    return status.replace(consecutive_failures=0, last_failure=None)
