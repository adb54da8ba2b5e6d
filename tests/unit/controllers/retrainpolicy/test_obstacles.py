# SPDX-License-Identifier: Apache-2.0
"""What is missing, refused or suspended."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.kube.resources import (
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from tests.unit.controllers.builders import condition
from tests.unit.controllers.retrainpolicy.scene import (
    CONTROLLER,
    NAME,
    ask,
    cluster,
    decisions,
    model,
    promotion_ends,
    ready,
    settle,
    status,
    training_ends,
    trainings,
)
from tests.unit.controllers.versions import model_version


def test_it_waits_for_its_model_and_alias_and_then_acts() -> None:
    toy = cluster("TT")
    toy.world.remove(toy.get(MODELS, "digits"))
    settle(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "ModelNotFound")
    toy.world.put(model("other"))
    settle(toy)
    assert ready(toy)["reason"] == "AliasNotFound"
    assert trainings(toy) == []
    toy.world.put(model())
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_missing_monitor_is_said_and_other_triggers_work() -> None:
    toy = cluster()
    toy.world.remove(toy.get(MODEL_MONITORS, "accuracy"))
    settle(toy)
    assert ready(toy)["reason"] == "MonitorNotFound"
    assert status(toy)["signals"][0]["active"] == "Unknown"
    ask(toy, "please")
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_the_api_refuses_stalls_it_until_the_spec_changes() -> None:
    toy = cluster("TT")
    toy.refuse["TrainingJob"] = (422, "Invalid", "spec.image: Required value")
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["message"] == "spec.image: Required value"
    assert decisions(toy) == []
    toy.refuse.clear()
    settle(toy)
    assert trainings(toy) == []
    toy.edit(RETRAIN_POLICIES, NAME, training={"spec": {"image": "example.test/train:2"}})
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_whose_name_is_taken_is_tried_again() -> None:
    toy = cluster("TT")
    toy.refuse["TrainingJob"] = (409, "NameTaken", "TrainingJob a already exists")
    assert settle(toy).requeue_after == 60
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["reason"] == "NameTaken"
    assert decisions(toy) == []
    toy.refuse.clear()
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_is_forbidden_is_tried_again() -> None:
    toy = cluster("TT")
    toy.refuse["TrainingJob"] = (403, "Forbidden", "exceeded quota")
    assert settle(toy).requeue_after == 60
    assert ready(toy)["reason"] == "Forbidden"
    toy.refuse.clear()
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_needs_a_person_is_said_here_too_and_mends_itself() -> None:
    toy = cluster("TT")
    settle(toy)
    job = toy.only(TRAINING_JOBS)
    said = {"status": "True", "reason": "InvalidPodTemplate", "lastTransitionTime": timestamp(toy.now)}
    job["status"] = {"conditions": [{"type": "Stalled", **said}]}
    toy.store(job)
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["reason"] == "TrainingStalled"
    training_ends(toy)
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["status"] == "False"


def test_suspended_nothing_starts_and_what_is_under_way_goes_on() -> None:
    toy = cluster("TT")
    settle(toy)
    toy.edit(RETRAIN_POLICIES, NAME, suspend=True)
    ask(toy, "please")
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    assert len(toy.world.all(PROMOTIONS)) == 1
    promotion_ends(toy, "Promoted")
    settle(toy)
    assert (status(toy)["phase"], decisions(toy)[0]["result"]) == ("Suspended", "Promoted")
    assert len(trainings(toy)) == 1


def test_a_record_that_closes_because_something_is_gone_names_what_has_to_be_looked_for() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    assert settle(toy).confirm_absent == ()
    (promotion,) = toy.world.all(PROMOTIONS)
    toy.world.remove(promotion)
    plan = toy.plan(CONTROLLER, NAME)
    assert [(resource, key.name) for resource, key in plan.confirm_absent] == [
        (PROMOTIONS, promotion["metadata"]["name"])
    ]
    assert plan.status is not None
    assert plan.status["decisions"][0]["result"] == "PromotionDeleted"


def test_a_cooldown_beyond_the_bounds_stalls_it() -> None:
    toy = cluster(guard={"cooldown": "9999999999h"})
    settle(toy)
    assert condition(toy.get(RETRAIN_POLICIES, NAME), "Stalled")["reason"] == "InvalidSpec"
