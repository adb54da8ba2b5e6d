# SPDX-License-Identifier: Apache-2.0
"""Whether the artifact failed this gate before, under this or another name.

A gate that refused an artifact does not measure it again: a retry would be a second draw on the same rows. The records
decide, not the Promotions and Evaluations they come from, which may be deleted.
"""

from collections.abc import Sequence

from mlops_operator.api.model import Rejection
from mlops_operator.controllers.shared.gates import RecordedResult, failure_of_gate


def refused_by(
    gate: str,
    results: Sequence[RecordedResult],
    rejections: Sequence[Rejection],
    *,
    promotion_uid: str,
    evaluation_uid: str | None,
) -> str | None:
    """The Promotion in which the artifact failed the gate; None where there is none.

    Args:
        gate: key of the gate.
        results: those recorded on ModelVersions with the artifact.
        rejections: of the artifact, as the Model remembers them; ModelVersions may be deleted.
        promotion_uid: the Promotion that asks.
        evaluation_uid: its Evaluation, whose result is judged as such; None where it has none.
    """
    failure = failure_of_gate([result for result in results if result.evaluation_uid != evaluation_uid], gate)
    if failure is not None:
        return failure.promotion
    others = (entry for entry in rejections if entry.gate == gate and entry.promotion_uid != promotion_uid)
    return next((entry.promotion for entry in others), None)
