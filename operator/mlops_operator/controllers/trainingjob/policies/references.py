# SPDX-License-Identifier: Apache-2.0
"""Which other object the next attempt waits for."""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingReason
from mlops_operator.controllers.shared.models import restoring_aliases
from mlops_operator.controllers.trainingjob.names import ANNOTATION_RESTORED_FROM


def missing(
    name: str | None, model: Manifest | None, *, owner: str | None, awaited: str | None, first: bool
) -> tuple[TrainingReason, str] | None:
    """Reason and message of the first object that is missing; None where none is.

    A first attempt also waits while a backup is restored: the version that a former run made may still be created.

    Args:
        name: the Model it trains, or None.
        model: the Model, if it exists.
        owner: what controls the TrainingJob and does not exist, in words; else None.
        awaited: the ModelVersion that the TrainingJob was restored from, while that does not exist.
        first: whether this is the first attempt.
    """
    if name is not None and model is None:
        return TrainingReason.MODEL_NOT_FOUND, f"Model {name} does not exist; training starts once it is created"
    if not first:
        return None
    if owner is not None:
        return TrainingReason.OWNER_NOT_FOUND, f"{owner}, which controls this object, does not exist"
    if awaited is not None:
        message = (
            f"ModelVersion {awaited}, which the annotation {ANNOTATION_RESTORED_FROM} names, does not exist; remove the"
            " annotation to train again"
        )
        return TrainingReason.MODEL_VERSION_NOT_FOUND, message
    if aliases := restoring_aliases(model):
        message = (
            f"Model {name} restores {', '.join(aliases)}; the training starts when that is done, or when"
            " spec.aliases[].restore is removed"
        )
        return TrainingReason.RESTORE_PENDING, message
    return None
