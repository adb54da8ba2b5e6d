# SPDX-License-Identifier: Apache-2.0
"""What has become of a training that was started, and what comes next: wait, promote, or close the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import MAX_MESSAGE, parse_timestamp, timestamp
from mlops_operator.api.promotion import PromotionPhase
from mlops_operator.api.retrainpolicy import Decision, DecisionResult
from mlops_operator.controllers.shared.versions import VersionView

VERSION_GRACE: Final = 300.0
"""Seconds after a training's end for which its version may not be seen yet: caches of different kinds
fill at their own pace, and a record is closed for good."""

RESULTS: Final[Mapping[str, DecisionResult]] = {
    PromotionPhase.PROMOTED: DecisionResult.PROMOTED,
    PromotionPhase.REJECTED: DecisionResult.REJECTED,
    PromotionPhase.SUPERSEDED: DecisionResult.SUPERSEDED,
}


@dataclass(frozen=True, kw_only=True)
class TrainingView:
    """The TrainingJob of a decision.

    Attributes:
        stalled: what a person has to mend, or empty.
        completed_at: when it ended, as metav1.Time, or None.
    """

    uid: str = ""
    failed: bool = False
    complete: bool = False
    model_version: str | None = None
    message: str = ""
    stalled: str = ""
    completed_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class PromotionView:
    """The Promotion of a decision."""

    phase: str
    message: str
    name: str
    uid: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A decision brought up to date, and what it needs.

    Attributes:
        promote: whether its Promotion has to be created.
        requeue_after: seconds until it is looked at without an event, or None.
    """

    decision: Decision
    promote: bool = False
    requeue_after: float | None = None


def follow(
    decision: Decision,
    training: TrainingView | None,
    version: VersionView | None,
    promotion: PromotionView | None,
    *,
    promotion_name: str | None,
    withheld: str | None = None,
    now: datetime,
) -> Progress:
    """Bring an open decision up to date.

    Args:
        decision: started, without a result.
        training: its TrainingJob; None where it is gone.
        version: the version that came of it, if there is one.
        promotion: its Promotion, if there is one.
        promotion_name: what its Promotion is to be called; None where none is wanted.
        withheld: why the policy must not create the Promotion, or None.
        now: the time.
    """
    known = decision
    if training is not None:
        # Recorded with what follows from its end: a write of its own would report nothing new.
        decision = decision.replace(training_job_uid=training.uid)
    if training is not None and training.failed:
        return _closed(decision, DecisionResult.TRAINING_FAILED, training.message, now)
    if training is not None and not training.complete:
        return Progress(decision=known)
    if version is None:
        return _without_version(decision, training, now)
    identity = {"model_version": version.name, "model_version_uid": version.uid, "digest": version.digest}
    decision = decision.replace(**identity)
    return _with_version(decision, version, now) or _with_promotion(
        decision, promotion, promotion_name, withheld=withheld, now=now
    )


def _with_version(decision: Decision, version: VersionView, now: datetime) -> Progress | None:
    """Wait for the version, or close the record without it; None once the version is Ready."""
    if version.ready:
        return None
    if version.stalled:
        return _closed(decision, DecisionResult.VERSION_FAILED, version.not_ready(), now)
    return Progress(decision=decision)


def _with_promotion(
    decision: Decision,
    promotion: PromotionView | None,
    promotion_name: str | None,
    *,
    withheld: str | None,
    now: datetime,
) -> Progress:
    if promotion_name is None:
        return _closed(decision, DecisionResult.TRAINED, f"ModelVersion {decision.model_version} is Ready", now)
    if promotion is None:
        if decision.promotion is not None:
            message = f"Promotion {decision.promotion} was deleted before its end"
            return _closed(decision, DecisionResult.PROMOTION_DELETED, message, now)
        if withheld is not None:
            message = f"ModelVersion {decision.model_version} is Ready and not promoted by the policy: {withheld}"
            return _closed(decision, DecisionResult.HELD_BY_USER, message, now)
        return Progress(decision=decision.replace(promotion=promotion_name), promote=True)
    decision = decision.replace(promotion=promotion.name)
    result = RESULTS.get(promotion.phase)
    if result is None:
        return Progress(decision=decision)
    decision = decision.replace(promotion_uid=promotion.uid)
    return _closed(decision, result, promotion.message, now)


def _without_version(decision: Decision, training: TrainingView | None, now: datetime) -> Progress:
    name = decision.model_version or (training.model_version if training is not None else None)
    if name is None:
        gone = f"TrainingJob {decision.training_job} was deleted before its end"
        message = gone if training is None else "the training made no version"
        return _closed(decision, DecisionResult.TRAINING_FAILED, message, now)
    left = VERSION_GRACE
    if training is None or training.completed_at is None:
        left = 0.0
    else:
        left -= (now - parse_timestamp(training.completed_at)).total_seconds()
    if left <= 0:
        return _closed(decision, DecisionResult.VERSION_FAILED, f"ModelVersion {name} does not exist", now)
    return Progress(decision=decision.replace(model_version=name), requeue_after=left)


def _closed(decision: Decision, result: DecisionResult, message: str, now: datetime) -> Progress:
    update = {"result": result, "result_message": message[:MAX_MESSAGE], "completed_at": timestamp(now)}
    return Progress(decision=decision.replace(**update))
