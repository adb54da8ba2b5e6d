# SPDX-License-Identifier: Apache-2.0
"""Starts whose record was lost: the TrainingJob was created, and the operator ended before the status was written.

The TrainingJob carries its decision, so the record is found again word for word. A TrainingJob
of a decision that has left the history started before the last one, and stays forgotten.
"""

from collections.abc import Iterable, Sequence

from mlops_operator.api.retrainpolicy import Decision


def lost_starts(
    carried: Iterable[Decision], decisions: Sequence[Decision], *, last_started: str | None
) -> list[Decision]:
    """Decisions that the policy's TrainingJobs carry and its status does not know, in the order of their times.

    Args:
        carried: by the TrainingJobs that the policy controls.
        decisions: in the status.
        last_started: when the last recorded training started, as metav1.Time: text order is time order.
    """
    known = {decision.id for decision in decisions}
    lost = [
        decision
        for decision in carried
        if decision.id not in known and (last_started is None or decision.time >= last_started)
    ]
    return sorted(lost, key=lambda decision: (decision.time, decision.id))
