# SPDX-License-Identifier: Apache-2.0
"""A Promotion from the request over its gate to the alias's move."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, PROMOTIONS
from tests.unit.controllers.builders import NOW, ToyCluster, ToyWorld, condition, later
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
from tests.unit.controllers.versions import digest_of, model_version

# -- waiting -------------------------------------------------------------------------------


def test_it_waits_for_its_model_its_alias_and_its_version_in_turn() -> None:
    toy = ToyCluster(ToyWorld(promotion()))
    assert settle(toy).requeue_after is None, "its event is waited for"
    assert ready(toy)["reason"] == "ModelNotFound"
    toy.world.put(model(alias="other"))
    settle(toy)
    assert ready(toy)["reason"] == "AliasNotFound"
    toy.world.put(model(None))
    settle(toy)
    assert ready(toy)["reason"] == "ModelVersionNotFound"
    toy.world.put(model_version("digits-b", ready=False))
    settle(toy)
    assert ready(toy)["reason"] == "ModelVersionNotReady"
    assert (status(toy)["phase"], gate_passed(toy)) == ("Pending", "Unknown")
    toy.world.put(model_version("digits-b"))
    settle(toy)
    assert status(toy)["phase"] == "Promoting"


def test_a_version_of_another_model_is_rejected() -> None:
    toy = cluster(model(), promotion(version="cats-a"), model_version("cats-a", model="cats"))
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "ModelMismatch")


# -- the gate ------------------------------------------------------------------------------


def test_the_first_version_is_measured_alone() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    evaluation = toy.only(EVALUATIONS)
    assert evaluation["spec"]["candidate"] == "digits-b"
    assert "baseline" not in evaluation["spec"]
    assert evaluation["spec"]["data"] == GATE["data"]
    assert [rule["name"] for rule in evaluation["spec"]["metrics"]] == ["accuracy", "accuracy"]
    assert (status(toy)["phase"], gate_passed(toy)) == ("Evaluating", "Unknown")


def test_a_challenger_is_measured_against_what_the_alias_points_at() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="to-a")
    settle(toy)
    assert toy.only(EVALUATIONS)["spec"]["baseline"] == "digits-a"


def test_a_pass_lets_the_model_move_the_alias_and_then_it_is_promoted() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="to-a")
    settle(toy)
    judge(toy, "Pass", baseline="digits-a")
    settle(toy)
    assert (status(toy)["phase"], gate_passed(toy), status(toy)["from"]) == ("Promoting", "True", "digits-a")
    toy.now = later(5)
    point(toy, "digits-b", by="to-b")
    settle(toy)
    found = status(toy)
    assert (found["phase"], ready(toy)["status"], found["promotedAt"]) == ("Promoted", "True", timestamp(later(5)))
    assert (found["from"], found["verdict"], found["metrics"][0]["n"]) == ("digits-a", "Pass", 898)
    assert found["decidedAt"] == timestamp(NOW)
    assert gate_passed(toy) == "True"


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        ("Fail", "GateFailed"),
        ("Inconclusive", "GateInconclusive"),
        ("NoData", "GateInconclusive"),
        ("Error", "EvaluationFailed"),
    ],
)
def test_anything_but_a_pass_rejects_with_the_numbers(verdict: str, reason: str) -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, verdict)
    settle(toy)
    found = status(toy)
    assert (found["phase"], ready(toy)["reason"], gate_passed(toy)) == ("Rejected", reason, "False")
    assert found["metrics"][0]["candidate"] == 0.95
    assert "in numbers" in found["message"]
    assert "from" not in found


def test_without_a_gate_any_ready_version_passes() -> None:
    toy = cluster(model(None), promotion())
    settle(toy)
    assert (status(toy)["phase"], condition(toy.get(PROMOTIONS, "to-b"), "GatePassed")["reason"]) == (
        "Promoting",
        "NoGate",
    )
    assert toy.world.all(EVALUATIONS) == []


def test_a_gate_that_wants_a_baseline_rejects_while_there_is_none() -> None:
    toy = cluster(model({**GATE, "baseline": {"missing": "Reject"}}), promotion())
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "BaselineMissing")
    assert "champion points at no version, and its gate" in status(toy)["message"]


def test_a_version_that_failed_is_not_measured_again_nor_its_artifact_under_another_name() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Fail")
    settle(toy)
    again = model_version("digits-c", digest=digest_of("digits-b"))
    toy.world.put(
        promotion("again", created=later(60)), again, promotion("twin", version="digits-c", created=later(61))
    )
    settle(toy, "twin")
    assert ready(toy, "twin")["reason"] == "VersionRejected"
    assert "to-b" in status(toy, "twin")["message"]


def test_an_inconclusive_version_may_be_tried_again() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Inconclusive")
    settle(toy)
    toy.world.put(promotion("again", created=later(60)))
    settle(toy, "again")
    assert status(toy, "again")["phase"] == "Evaluating"


# -- ends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["Pass", "Fail"])
def test_a_decision_never_changes(verdict: str) -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, verdict)
    settle(toy)
    if verdict == "Pass":
        point(toy, "digits-b", by="to-b")
        settle(toy)
    before = status(toy)
    toy.world.put(promotion("newer", version="digits-a", created=later(9)), model(alias="other"))
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-b"))
    settle(toy)
    assert status(toy) == before


def test_an_evaluation_that_the_api_refuses_ends_it() -> None:
    toy = cluster(model(), promotion())
    toy.refuse["Evaluation"] = (422, "Invalid", "spec.metrics: expected at most 12")
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "EvaluationFailed")


def test_a_taken_name_is_reported_and_tried_again_since_the_other_object_may_be_deleted() -> None:
    toy = cluster(model(), promotion())
    toy.refuse["Evaluation"] = (409, "NameTaken", "Evaluation e already exists")
    assert toy.settle(CONTROLLER, "to-b").requeue_after == 60
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Pending", "NameTaken")
    assert condition(toy.get(PROMOTIONS, "to-b"), "Stalled")["status"] == "True"
    assert gate_passed(toy) == "Unknown"
    toy.refuse.clear()
    settle(toy)
    assert status(toy)["phase"] == "Evaluating"


def test_an_evaluation_that_is_forbidden_is_tried_again() -> None:
    toy = cluster(model(), promotion())
    toy.refuse["Evaluation"] = (403, "Forbidden", "exceeded quota")
    assert toy.settle(CONTROLLER, "to-b").requeue_after == 60
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Pending", "Forbidden")
    toy.refuse.clear()
    settle(toy)
    assert status(toy)["phase"] == "Evaluating"


def test_an_evaluation_deleted_by_hand_is_made_again() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    toy.world.remove(toy.only(EVALUATIONS))
    settle(toy)
    assert toy.only(EVALUATIONS)["spec"]["candidate"] == "digits-b"


def test_what_the_evaluation_waits_for_is_said_here_too() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    evaluation = toy.only(EVALUATIONS)
    waiting = {"reason": "VolumeNotFound", "message": "no claim data", "since": timestamp(NOW)}
    evaluation["status"] = {"phase": "Running", "waiting": waiting}
    toy.store(evaluation)
    settle(toy)
    assert "it waits: VolumeNotFound: no claim data" in ready(toy)["message"]


def test_a_promotion_through_its_gate_costs_four_writes() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Pass")
    settle(toy)
    point(toy, "digits-b", by="to-b")
    settle(toy)
    assert [write.split()[0] for write in toy.writes] == ["create", "status", "status", "status"]


def test_a_spec_that_does_not_fit_is_final() -> None:
    toy = cluster(model(), promotion(version="Not A Name"))
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "InvalidSpec")


def test_rows_of_the_gate_that_are_not_there_yet_are_the_reason() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    evaluation = toy.only(EVALUATIONS)
    waiting = {"reason": "DataNotFound", "message": "nothing at pvc://data/holdout.csv", "since": timestamp(NOW)}
    evaluation["status"] = {"phase": "Running", "waiting": waiting}
    toy.store(evaluation)
    settle(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "DataNotFound")
    assert "it waits: DataNotFound: nothing at pvc://data/holdout.csv" in ready(toy)["message"]
    evaluation["status"] = {"phase": "Running"}
    toy.store(evaluation)
    settle(toy)
    assert ready(toy)["reason"] == "Evaluating"
