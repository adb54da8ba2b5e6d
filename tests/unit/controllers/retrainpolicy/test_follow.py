# SPDX-License-Identifier: Apache-2.0
"""What has become of a training that was started."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainpolicy import Decision
from mlops_operator.controllers.retrainpolicy.policies.follow import (
    VERSION_GRACE,
    Progress,
    PromotionView,
    TrainingView,
    follow,
)
from mlops_operator.controllers.shared.versions import VersionView, view_version
from tests.unit.controllers.builders import NOW, later
from tests.unit.controllers.versions import model_version

DECISION = Decision.model_validate(
    {
        "id": "1",
        "trigger": "fell",
        "time": timestamp(NOW),
        "outcome": "Started",
        "reason": "SignalActive",
        "trainingJob": "policy-1",
    }
)
RUNNING = TrainingView()
COMPLETE = TrainingView(complete=True, model_version="digits-b", completed_at=timestamp(NOW))


def version(**fields: Any) -> VersionView:
    view = view_version(model_version("digits-b", **fields))
    assert view is not None
    return view


def progress(
    training: TrainingView | None = COMPLETE,
    of: VersionView | None = None,
    promotion: PromotionView | None = None,
    *,
    decision: Decision = DECISION,
    promotion_name: str | None = "policy-1",
    at: float = 10,
) -> Progress:
    return follow(decision, training, of, promotion, promotion_name=promotion_name, now=later(at))


def test_a_running_training_is_waited_for() -> None:
    assert progress(RUNNING) == Progress(decision=DECISION)


def test_a_failed_training_is_the_end_in_its_own_words() -> None:
    found = progress(TrainingView(failed=True, message="BackoffLimitExceeded")).decision
    assert (found.result, found.result_message, found.completed_at) == (
        "TrainingFailed",
        "BackoffLimitExceeded",
        timestamp(later(10)),
    )


@pytest.mark.parametrize(
    ("training", "message"),
    [
        (None, f"TrainingJob {DECISION.training_job} was deleted before its end"),
        (TrainingView(complete=True), "the training made no version"),
    ],
)
def test_a_training_without_a_version_is_the_end(training: TrainingView | None, message: str) -> None:
    found = progress(training).decision
    assert (found.result, found.result_message) == ("TrainingFailed", message)


def test_a_training_that_is_gone_after_it_made_a_version_is_followed_by_that() -> None:
    found = progress(None, version())
    assert (found.decision.model_version, found.promote) == ("digits-b", True)


def test_a_version_that_is_not_seen_yet_is_waited_for_and_not_for_ever() -> None:
    found = progress()
    assert (found.decision.model_version, found.requeue_after) == ("digits-b", VERSION_GRACE - 10)
    assert progress(at=VERSION_GRACE).decision.result == "VersionFailed"


@pytest.mark.parametrize(("after", "waits"), [(299, 1), (300, None), (301, None)])
def test_a_version_is_waited_for_five_minutes(after: float, waits: float | None) -> None:
    found = progress(at=after)
    assert (found.decision.result, found.requeue_after) == (None if waits else "VersionFailed", waits)


@pytest.mark.parametrize("training", [None, TrainingView(complete=True, model_version="digits-b")])
def test_a_recorded_version_without_the_end_of_its_training_is_not_waited_for(training: TrainingView | None) -> None:
    recorded = DECISION.model_copy(update={"model_version": "digits-b"})
    assert progress(training, decision=recorded).decision.result == "VersionFailed"


def test_a_version_that_is_being_verified_is_waited_for() -> None:
    found = progress(COMPLETE, version(ready=False))
    assert (found.decision.model_version, found.decision.result, found.promote) == ("digits-b", None, False)


def test_a_version_that_cannot_become_ready_is_the_end() -> None:
    found = progress(COMPLETE, version(ready=False, stalled=True)).decision
    assert found.result == "VersionFailed"
    assert "ArtifactCorrupt" in found.result_message


def test_a_ready_version_is_promoted() -> None:
    found = progress(COMPLETE, version())
    assert found.promote
    assert found.decision.promotion == "policy-1"


def test_where_no_promotion_is_wanted_a_ready_version_is_the_end() -> None:
    assert progress(COMPLETE, version(), promotion_name=None).decision.result == "Trained"


@pytest.mark.parametrize("phase", ["", "Pending", "Evaluating", "Promoting"])
def test_an_open_promotion_is_waited_for(phase: str) -> None:
    found = progress(COMPLETE, version(), PromotionView(name="policy-1", phase=phase, message=""))
    assert (found.decision.result, found.promote) == (None, False)


@pytest.mark.parametrize("phase", ["Promoted", "Rejected", "Superseded"])
def test_a_decided_promotion_is_the_end(phase: str) -> None:
    found = progress(COMPLETE, version(), PromotionView(name="policy-1", phase=phase, message="in numbers")).decision
    assert (found.result, found.result_message) == (phase, "in numbers")


def test_a_promotion_that_a_person_deleted_is_not_made_again() -> None:
    asked = DECISION.model_copy(update={"promotion": "policy-1"})
    found = progress(COMPLETE, version(), None, decision=asked)
    assert (found.decision.result, found.promote) == ("PromotionDeleted", False)
