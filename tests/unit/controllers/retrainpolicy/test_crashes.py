# SPDX-License-Identifier: Apache-2.0
"""The operator ends after the Create and before the status."""

from mlops_operator.kube.resources import (
    RETRAIN_POLICIES,
)
from tests.unit.controllers.builders import later
from tests.unit.controllers.retrainpolicy.scene import (
    CONTROLLER,
    NAME,
    NIGHTLY,
    ask,
    cluster,
    decisions,
    monitor,
    settle,
    status,
    training_ends,
    trainings,
)


def test_a_start_whose_status_was_lost_is_recorded_word_for_word() -> None:
    toy = cluster("TT")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    known = status(toy)
    toy.world.put(before)  # the operator ended after the Create, before the status
    toy.now = later(700)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert decisions(toy) == known["decisions"]
    assert status(toy)["lastStarted"] == known["lastStarted"]


def test_a_lost_start_is_found_though_newer_windows_came_meanwhile() -> None:
    toy = cluster("TT")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before, monitor("TTT"))
    settle(toy)
    assert len(trainings(toy)) == 1
    assert [entry["outcome"] for entry in decisions(toy)] == ["Started", "Skipped"]


def test_a_lost_manual_start_is_not_made_again() -> None:
    toy = cluster()
    ask(toy, "please")
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before)
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 1
    assert status(toy)["handledTrigger"] == "please"


def test_a_lost_scheduled_start_is_not_made_again() -> None:
    toy = cluster(triggers=[NIGHTLY], guard={"cooldown": "0s"})
    settle(toy)
    toy.now = later(15 * 3600)
    before = toy.get(RETRAIN_POLICIES, NAME)
    settle(toy)
    toy.world.put(before)
    settle(toy)
    training_ends(toy, version=None)
    settle(toy)
    assert len(trainings(toy)) == 1


def test_a_training_that_left_the_history_is_not_recorded_again() -> None:
    toy = cluster()
    for i in range(25):
        toy.now = later(600 + 60 * i)
        ask(toy, str(i))
        settle(toy)
        (job,) = [obj for obj in trainings(toy) if "status" not in obj]
        training_ends(toy, version=None, job=job)
        settle(toy)
    assert len(trainings(toy)) == 25
    assert [entry["moment"] for entry in decisions(toy)] == [str(i) for i in range(5, 25)]


def test_nothing_starts_before_the_end_of_the_last_training_is_written() -> None:
    toy = cluster("TT")
    settle(toy)
    ask(toy, "please")
    training_ends(toy, version=None)
    plan = toy.step(CONTROLLER, NAME)
    assert plan.actions == ()
    assert decisions(toy)[0]["result"] == "TrainingFailed"
    assert len(toy.step(CONTROLLER, NAME).actions) == 1
