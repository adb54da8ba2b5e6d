# SPDX-License-Identifier: Apache-2.0
"""A user's Promotion back is not overridden."""

from datetime import timedelta
from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODELS, PROMOTIONS, RETRAIN_POLICIES, TRAINING_JOBS, Resource
from tests.unit.controllers.builders import ToyCluster, later, make
from tests.unit.controllers.retrainpolicy.scene import (
    CONTROLLER,
    NAME,
    NIGHTLY,
    ask,
    cluster,
    decisions,
    deployment,
    monitor,
    promote,
    promotion_ends,
    ready,
    resume,
    settle,
    status,
    step_forward,
    training_ends,
    trainings,
)
from tests.unit.controllers.versions import model_version

FREE = {"cooldown": "0s", "backoff": {"initial": "0s"}}


def promoted(**spec: Any) -> ToyCluster:
    """The policy has promoted digits-b over digits-a, which the Model promoted first."""
    toy = cluster("TT", **{"guard": FREE, **spec})
    promote(toy, "digits-a", owner=toy.get(MODELS, "digits"))
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    toy.now += timedelta(minutes=10)
    promote(toy, "digits-b", by=str(decisions(toy)[0]["promotion"]))
    promotion_ends(toy, "Promoted")
    settle(toy)
    assert decisions(toy)[0]["result"] == "Promoted"
    return toy


def undo(toy: ToyCluster, version: str = "digits-a") -> Manifest:
    """A user promotes a version, and the deployment serves it."""
    toy.now += timedelta(minutes=10)
    promotion = promote(toy, version)
    toy.world.put(deployment(version))
    return promotion


def test_after_a_users_promotion_back_a_breach_starts_nothing() -> None:
    toy = promoted()
    promotion = undo(toy)
    settle(toy)
    assert status(toy)["phase"] == "HeldByUser"
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "HeldByUser")
    for part in (promotion["metadata"]["name"], "digits-a", timestamp(toy.now), "mlops-operator.io/resume"):
        assert part in ready(toy)["message"]
    assert status(toy)["heldBy"]["promotionUid"] == promotion["metadata"]["uid"]
    step_forward(toy, 3600)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert (decisions(toy)[-1]["outcome"], decisions(toy)[-1]["reason"]) == ("Skipped", "HeldByUser")


def test_a_schedule_does_not_override_it_either() -> None:
    toy = promoted(triggers=[{"name": "fell", "signal": "live"}, NIGHTLY])
    undo(toy)
    settle(toy)
    toy.now += timedelta(days=2)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert (decisions(toy)[-1]["trigger"], decisions(toy)[-1]["reason"]) == ("nightly", "HeldByUser")


def test_the_hold_is_reported_once_and_then_costs_nothing() -> None:
    toy = promoted()
    undo(toy)
    settle(toy)
    events = [event.reason for event in toy.events if event.reason == "HeldByUser"]
    assert len(events) == 1
    writes = len(toy.writes)
    for _ in range(20):
        toy.now += timedelta(hours=1)
        settle(toy)
    assert len(toy.writes) == writes


def test_the_resume_annotation_ends_it_and_the_same_value_does_not_end_the_next() -> None:
    toy = promoted()
    undo(toy)
    settle(toy)
    resume(toy, "go on")
    settle(toy)
    assert status(toy)["phase"] == "Idle"
    assert "heldBy" not in status(toy)
    step_forward(toy, 3600)
    settle(toy)
    assert len(trainings(toy)) == 2
    training_ends(toy, version=None, job=trainings(toy)[-1])
    settle(toy)
    undo(toy, "digits-b")
    undo(toy, "digits-a")
    settle(toy)
    assert status(toy)["phase"] == "HeldByUser"


def test_neither_an_edit_of_the_spec_nor_a_suspension_ends_it() -> None:
    toy = promoted()
    undo(toy)
    settle(toy)
    toy.edit(RETRAIN_POLICIES, NAME, suspend=True)
    settle(toy)
    toy.edit(RETRAIN_POLICIES, NAME, suspend=False, guard={"cooldown": "1s"})
    step_forward(toy, 3600)
    settle(toy)
    assert status(toy)["phase"] == "HeldByUser"
    assert len(trainings(toy)) == 1


@pytest.mark.parametrize(("version", "phase"), [("digits-b", "Idle"), ("digits-c", "Idle"), ("digits-0", "Idle")])
def test_it_ends_when_the_alias_moves_on(version: str, phase: str) -> None:
    toy = promoted()
    undo(toy)
    settle(toy)
    undo(toy, version)
    settle(toy)
    assert status(toy)["phase"] == phase


def test_a_user_may_train_while_it_is_held_and_that_version_is_promoted() -> None:
    toy = promoted()
    undo(toy)
    settle(toy)
    ask(toy, "please")
    settle(toy)
    assert len(trainings(toy)) == 2
    training_ends(toy, version="digits-c", job=trainings(toy)[-1])
    toy.world.put(model_version("digits-c"))
    settle(toy)
    created = [obj["spec"]["version"] for obj in toy.world.all(PROMOTIONS) if obj["spec"]["version"] == "digits-c"]
    assert created == ["digits-c"]


def test_what_was_in_training_before_it_is_not_promoted_and_the_record_says_why() -> None:
    toy = promoted()
    toy.world.put(deployment("digits-b"))
    toy.now += timedelta(hours=1)
    toy.world.put(monitor("TT", version="digits-b", start=(toy.now - later(120)).total_seconds()))
    settle(toy)
    assert len(trainings(toy)) == 2
    promotion = undo(toy)
    settle(toy)
    training_ends(toy, version="digits-c", job=trainings(toy)[-1])
    toy.world.put(model_version("digits-c"))
    plan = toy.plan(CONTROLLER, NAME)
    assert [resource for resource, _ in plan.confirm_absent] == [
        PROMOTIONS
    ]  # it may have been created, and the status lost
    settle(toy)
    decision = [entry for entry in decisions(toy) if entry["outcome"] == "Started"][-1]
    assert decision["result"] == "HeldByUser"
    assert promotion["metadata"]["name"] in decision["resultMessage"]
    assert not [obj for obj in toy.world.all(PROMOTIONS) if obj["spec"]["version"] == "digits-c"]
    assert "consecutiveFailures" not in status(toy)


def test_a_training_that_a_user_asked_for_before_it_is_not_promoted_either() -> None:
    toy = promoted()
    ask(toy, "please")
    settle(toy)
    undo(toy)
    settle(toy)
    training_ends(toy, version="digits-c", job=trainings(toy)[-1])
    toy.world.put(model_version("digits-c"))
    settle(toy)
    assert decisions(toy)[-1]["result"] == "HeldByUser"


@pytest.mark.parametrize("kind", [MODELS, RETRAIN_POLICIES])
def test_promotions_of_a_model_and_of_other_policies_do_not_hold_it(kind: Resource) -> None:
    toy = promoted()
    toy.now += timedelta(minutes=10)
    promote(toy, "digits-a", owner=make(kind, "other"))
    settle(toy)
    assert status(toy)["phase"] == "Idle"


def test_before_anything_is_created_for_the_alias_the_model_is_confirmed() -> None:
    toy = promoted()
    step_forward(toy, 3600)
    toy.world.put(deployment("digits-a"))
    plan = toy.plan(CONTROLLER, NAME)
    assert [action.resource for action in plan.actions] == [TRAINING_JOBS]
    assert plan.depends_on == ((MODELS, toy.get(MODELS, "digits")),)


def test_where_nothing_is_created_or_promoted_the_model_is_not_confirmed() -> None:
    assert cluster().plan(CONTROLLER, NAME).depends_on == ()
    assert cluster("TT", promote=None).plan(CONTROLLER, NAME).depends_on == ()


def test_a_hold_by_a_promotion_that_the_cache_does_not_have_is_confirmed() -> None:
    toy = promoted()
    promotion = undo(toy)
    toy.world.remove(promotion)
    plan = toy.plan(CONTROLLER, NAME)
    assert [(resource, key.name) for resource, key in plan.confirm_absent] == [
        (PROMOTIONS, promotion["metadata"]["name"])
    ]
    settle(toy)
    assert status(toy)["phase"] == "HeldByUser"
    assert toy.plan(CONTROLLER, NAME).confirm_absent == ()


def test_an_undo_of_before_the_policy_does_not_hold_it() -> None:
    toy = cluster("TT", guard=FREE)
    toy.now -= timedelta(hours=2)
    promote(toy, "digits-a")
    promote(toy, "digits-b")
    promote(toy, "digits-a")
    toy.now += timedelta(hours=2)
    settle(toy)
    assert len(trainings(toy)) == 1
