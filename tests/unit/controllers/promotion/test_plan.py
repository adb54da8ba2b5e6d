"""A Promotion from the request to the alias's move, in a toy cluster; the Model's controller is played by hand."""

from datetime import datetime
from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import NOW, ToyCluster, ToyWorld, condition, later, make
from tests.unit.controllers.versions import digest_of, model_version

CONTROLLER = PromotionController(Settings())
GATE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
    "metrics": [{"name": "accuracy", "slice": "original", "min": 0.93}, {"name": "accuracy", "change": {"min": 0}}],
}


def model(gate: Manifest | None = GATE, *, alias: str = "champion") -> Manifest:
    entry: Manifest = {"name": alias}
    if gate is not None:
        entry["gate"] = gate
    return make(MODELS, "digits", spec={"aliases": [entry]}, status={"observedGeneration": 1})


def promotion(name: str = "to-b", *, version: str = "digits-b", created: datetime = NOW, **spec: Any) -> Manifest:
    fields = {"model": "digits", "alias": "champion", "version": version, **spec}
    return make(PROMOTIONS, name, spec=fields, status={"observedGeneration": -1}, created=created)


def cluster(*objects: Manifest) -> ToyCluster:
    versions = (model_version("digits-a"), model_version("digits-b"))
    return ToyCluster(ToyWorld(*versions, *objects))


def point(toy: ToyCluster, version: str, *, by: str, uid: str | None = None) -> None:
    """What the Model's controller does: the alias moves, and the former term goes into the history."""
    obj = toy.get(MODELS, "digits")
    former = (obj["status"].get("aliases") or [None])[0]
    history = []
    if former is not None:
        term = {name: former[name] for name in ("version", "promotion", "promotionUid", "since")}
        history = [term, *former.get("history", [])]
    entry = {
        "name": "champion",
        "version": version,
        "promotion": by,
        "promotionUid": uid or f"uid-of-{by}",
        "since": timestamp(toy.now),
        "history": history,
    }
    obj["status"]["aliases"] = [entry]
    toy.store(obj)


def judge(toy: ToyCluster, verdict: str, *, baseline: str | None = None) -> Manifest:
    """The open Evaluation gets its verdict."""
    (evaluation,) = [
        obj
        for obj in toy.world.all(EVALUATIONS)
        if obj["spec"].get("baseline") == baseline and "verdict" not in obj.get("status", {})
    ]
    evaluation["status"] = {
        "phase": "Failed" if verdict == "Error" else "Succeeded",
        "verdict": verdict,
        "metrics": [{"name": "accuracy", "verdict": verdict, "candidate": 0.95, "n": 898}],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Measured",
                "message": f"{verdict}: in numbers",
                "lastTransitionTime": timestamp(toy.now),
            }
        ],
    }
    return toy.store(evaluation)


def status(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return dict(toy.get(PROMOTIONS, name)["status"])


def ready(toy: ToyCluster, name: str = "to-b") -> Manifest:
    return condition(toy.get(PROMOTIONS, name), "Ready")


def gate_passed(toy: ToyCluster, name: str = "to-b") -> str:
    return str(condition(toy.get(PROMOTIONS, name), "GatePassed")["status"])


def settle(toy: ToyCluster, name: str = "to-b") -> None:
    toy.settle(CONTROLLER, name)


# -- waiting ---------------------------------------------------------------------------------


def test_it_waits_for_its_model_its_alias_and_its_version_in_turn() -> None:
    toy = ToyCluster(ToyWorld(promotion()))
    settle(toy)
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


# -- the gate --------------------------------------------------------------------------------


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


# -- what the alias does meanwhile -----------------------------------------------------------


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
    assert "promotedAt" not in status(toy)


def test_a_former_version_is_rolled_back_to_without_an_evaluation() -> None:
    toy = cluster(model(), promotion("back", version="digits-a"))
    point(toy, "digits-a", by="to-a")
    point(toy, "digits-b", by="to-b")
    settle(toy, "back")
    found = status(toy, "back")
    assert (found["phase"], found["rollback"], found["from"]) == ("Promoting", True, "digits-b")
    assert condition(toy.get(PROMOTIONS, "back"), "GatePassed")["reason"] == "FormerVersion"
    assert toy.world.all(EVALUATIONS) == []


# -- several promotions ----------------------------------------------------------------------


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


# -- ends ------------------------------------------------------------------------------------


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
    toy.refuse["Evaluation"] = (409, "NameTaken", "somebody else's")
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "EvaluationFailed")


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
