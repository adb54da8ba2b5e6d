# SPDX-License-Identifier: Apache-2.0
"""What the alias and other Promotions do meanwhile."""

import pytest

from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS, RETRAIN_POLICIES, Resource
from tests.unit.controllers.builders import condition, later, make
from tests.unit.controllers.promotion.scene import (
    CONTROLLER,
    GATE,
    cluster,
    gate_passed,
    judge,
    model,
    point,
    promotion,
    ready,
    settle,
    status,
)

# -- two Promotions of one second ----------------------------------------------------------


@pytest.mark.parametrize("controller", [RETRAIN_POLICIES, MODELS])
def test_a_users_promotion_wins_over_an_automatic_one_of_the_same_second(controller: Resource) -> None:
    owner = make(controller, "digits", spec={})
    automatic = promotion("z-automatic")
    automatic["metadata"]["ownerReferences"] = make(PROMOTIONS, "a", owner=owner)["metadata"]["ownerReferences"]
    owners = () if controller == MODELS else (owner,)
    toy = cluster(model(), automatic, promotion("a-users", version="digits-a"), *owners)
    for name in ("z-automatic", "a-users"):
        toy.settle(CONTROLLER, name)
    phases = [toy.get(PROMOTIONS, name)["status"]["phase"] for name in ("z-automatic", "a-users")]
    assert phases == ["Superseded", "Evaluating"]


# -- what the alias does meanwhile ---------------------------------------------------------


def test_an_alias_that_moves_during_the_evaluation_asks_for_another_one() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    point(toy, "digits-a", by="to-a")
    settle(toy)
    assert len(toy.world.all(EVALUATIONS)) == 2
    judge(toy, "Pass", baseline=None)
    settle(toy)
    assert (status(toy)["phase"], gate_passed(toy)) == ("Evaluating", "Unknown")
    judge(toy, "Pass", baseline="digits-a")
    settle(toy)
    assert status(toy)["from"] == "digits-a"


def test_a_passed_gate_is_withdrawn_when_the_alias_moves_to_another_version_first() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Pass")
    settle(toy)
    assert gate_passed(toy) == "True"
    point(toy, "digits-a", by="to-a")
    settle(toy)
    found = status(toy)
    assert (found["phase"], gate_passed(toy)) == ("Evaluating", "Unknown")
    assert "from" not in found
    assert "decidedAt" not in found


def test_a_passed_gate_is_withdrawn_when_the_version_goes() -> None:
    toy = cluster(model(None), promotion())
    settle(toy)
    assert gate_passed(toy) == "True"
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-b"))
    settle(toy)
    assert (status(toy)["phase"], gate_passed(toy)) == ("Pending", "Unknown")


def test_a_gate_that_is_changed_during_the_evaluation_is_asked_again() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Pass")
    stricter = {**GATE, "metrics": [{"name": "accuracy", "min": 0.99}]}
    toy.world.put(model(stricter))
    settle(toy)
    assert status(toy)["phase"] == "Evaluating"
    assert [obj["spec"]["metrics"][0]["min"] for obj in toy.world.all(EVALUATIONS) if "status" not in obj] == [0.99]


def test_an_alias_that_points_there_already_is_promoted_without_a_move() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-b", by="another")
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Promoted", "AlreadyThere")
    assert status(toy)["candidate"]["uid"] == "uid-of-digits-b"
    assert "promotedAt" not in status(toy)


def test_an_end_that_follows_from_the_alias_is_not_told_by_one_of_the_past() -> None:
    toy = cluster(model(), promotion())
    assert CONTROLLER.plan(toy.get(PROMOTIONS, "to-b"), toy.world, {}, toy.now).depends_on == ()
    point(toy, "digits-b", by="another")
    plan = CONTROLLER.plan(toy.get(PROMOTIONS, "to-b"), toy.world, {}, toy.now)
    assert [(resource, obj["metadata"]["name"]) for resource, obj in plan.depends_on] == [(MODELS, "digits")]


def test_an_alias_that_this_promotion_moved_needs_no_second_look() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-b", by="to-b")
    plan = CONTROLLER.plan(toy.get(PROMOTIONS, "to-b"), toy.world, {}, toy.now)
    assert plan.status is not None
    assert plan.status["phase"] == "Promoted"
    assert plan.depends_on == ()


def test_a_former_version_is_rolled_back_to_without_an_evaluation() -> None:
    toy = cluster(model(), promotion("back", version="digits-a"))
    point(toy, "digits-a", by="to-a")
    point(toy, "digits-b", by="to-b")
    settle(toy, "back")
    found = status(toy, "back")
    assert (found["phase"], found["rollback"], found["from"]) == ("Promoting", True, "digits-b")
    assert condition(toy.get(PROMOTIONS, "back"), "GatePassed")["reason"] == "FormerVersion"
    assert toy.world.all(EVALUATIONS) == []


# -- several promotions --------------------------------------------------------------------


def test_a_newer_promotion_supersedes_an_open_one() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    toy.world.put(promotion("newer", version="digits-a", created=later(1)))
    settle(toy)
    settle(toy, "newer")
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Superseded", "Superseded")
    assert "newer" in status(toy)["message"]
    assert status(toy, "newer")["phase"] == "Evaluating"


def test_two_requests_for_the_same_version_are_both_promoted() -> None:
    toy = cluster(model(None), promotion(), promotion("newer", created=later(1)))
    settle(toy)
    settle(toy, "newer")
    point(toy, "digits-b", by="newer")
    settle(toy)
    settle(toy, "newer")
    assert (ready(toy)["reason"], ready(toy, "newer")["reason"]) == ("AlreadyThere", "Promoted")
    assert status(toy)["phase"] == status(toy, "newer")["phase"] == "Promoted"


def test_a_promotion_of_another_alias_supersedes_nothing() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    toy.world.put(promotion("other", alias="shadow", created=later(1)))
    settle(toy)
    assert status(toy)["phase"] == "Evaluating"


def test_a_passed_gate_that_the_model_has_acted_on_is_promoted_and_never_superseded() -> None:
    toy = cluster(model(None), promotion())
    settle(toy)
    toy.world.put(promotion("newer", version="digits-a", created=later(1)))
    settle(toy)
    assert status(toy)["phase"] == "Promoting"
    point(toy, "digits-b", by="to-b")
    point(toy, "digits-a", by="newer")
    settle(toy)
    assert status(toy)["phase"] == "Promoted"


def test_of_two_that_passed_the_one_the_model_did_not_take_is_superseded() -> None:
    newer = promotion("newer", version="digits-a", created=later(1))
    toy = cluster(model(None), promotion())
    settle(toy)
    toy.world.put(newer)
    settle(toy, "newer")
    point(toy, "digits-a", by="newer")
    settle(toy)
    settle(toy, "newer")
    assert (status(toy)["phase"], status(toy, "newer")["phase"]) == ("Superseded", "Promoted")
