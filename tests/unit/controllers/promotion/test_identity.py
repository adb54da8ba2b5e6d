# SPDX-License-Identifier: Apache-2.0
"""A Promotion decides by the evidence that it asked for, about the very objects that exist."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.plan import Create
from tests.unit.controllers.builders import condition, later
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
    record,
    settle,
    status,
)
from tests.unit.controllers.versions import digest_of, model_version

# -- evidence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        {"metrics": [{"name": "accuracy", "min": -1000, "minCount": 1}]},
        {"candidate": "digits-a"},
        {"baseline": "digits-a"},
        {"data": [{"name": "holdout", "uri": "pvc://data/easy.npz"}]},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_an_evaluation_with_another_spec_is_never_read(spec: Manifest) -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    evaluation = toy.only(EVALUATIONS)
    evaluation["spec"] |= spec
    evaluation["status"] = {"phase": "Succeeded", "verdict": "Pass"}
    toy.store(evaluation)
    plan = toy.plan(CONTROLLER, "to-b")
    # The API server has the name: the executor finds the other object and reports `NameTaken`.
    assert [type(action) for action in plan.actions] == [Create]
    assert plan.status is not None
    assert plan.status["phase"] == "Evaluating"


def test_a_verdict_about_another_object_of_the_candidates_name_passes_nothing() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    evaluation = judge(toy, "Pass", recorded=False)
    evaluation["status"]["candidate"]["uid"] = "uid-of-its-predecessor"
    toy.store(evaluation)
    record(toy)
    toy.now = later(60)
    settle(toy)
    assert (gate_passed(toy), ready(toy)["reason"]) == ("Unknown", "RecordingResult")


@pytest.mark.parametrize("role", ["candidate", "baseline"])
def test_a_recorded_verdict_about_other_objects_passes_nothing(role: str) -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="to-a")
    settle(toy)
    evaluation = judge(toy, "Pass", baseline="digits-a")
    evaluation["status"][role]["uid"] = "uid-of-its-predecessor"
    toy.store(evaluation)
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "EvaluationFailed")
    names = "digits-b (UID uid-of-digits-b) and digits-a (UID uid-of-digits-a)"
    assert f"measured other objects than {names}: create another" in status(toy)["message"]


def test_a_version_created_again_during_the_evaluation_is_measured_itself() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Pass")
    again = model_version("digits-b", digest=digest_of("worse"))
    again["metadata"]["uid"] = "second"
    toy.world.put(again)
    settle(toy)
    assert status(toy)["phase"] == "Evaluating"
    assert len(toy.world.all(EVALUATIONS)) == 2


def test_a_passed_gate_is_withdrawn_when_the_version_is_created_again() -> None:
    toy = cluster(model(None), promotion())
    settle(toy)
    assert gate_passed(toy) == "True"
    again = model_version("digits-b")
    again["metadata"]["uid"] = "second"
    toy.world.put(again)
    settle(toy)
    assert status(toy)["candidate"]["uid"] == "second"


# -- a decision outlives its object ----------------------------------------------------------------


@pytest.mark.parametrize(("after", "left", "said"), [(0, 10, False), (9, 1, False), (10, None, True), (11, None, True)])
def test_the_wait_for_the_record_is_said_after_ten_seconds(after: float, left: float | None, said: bool) -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Pass", recorded=False)
    toy.now = later(after)
    assert toy.settle(CONTROLLER, "to-b").requeue_after == left
    assert (ready(toy)["reason"] == "RecordingResult") is said


@pytest.mark.parametrize("verdict", ["Pass", "Fail", "Inconclusive"])
def test_a_decision_is_final_only_once_the_version_has_recorded_it(verdict: str) -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, verdict, recorded=False)
    before = len(toy.writes)
    assert 0 < (toy.settle(CONTROLLER, "to-b").requeue_after or 0) <= 10
    assert len(toy.writes) == before, "a short wait costs no write"
    toy.now = later(11)
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Evaluating", "RecordingResult")
    record(toy)
    settle(toy)
    assert status(toy)["phase"] == ("Promoting" if verdict == "Pass" else "Rejected")


def test_a_failed_artifact_is_not_measured_again_though_the_promotion_and_its_evaluation_were_deleted() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Fail")
    settle(toy)
    assert ready(toy)["reason"] == "GateFailed"
    for resource in (EVALUATIONS, PROMOTIONS):
        toy.world.remove(toy.only(resource))
    toy.world.put(promotion("again", created=later(5)))
    settle(toy, "again")
    assert ready(toy, "again")["reason"] == "VersionRejected"
    assert toy.world.all(EVALUATIONS) == []


def test_a_failed_artifact_under_another_name_is_refused_and_a_changed_gate_asks_anew() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Fail")
    settle(toy)
    toy.world.put(model_version("copy", digest=digest_of("digits-b")))
    toy.world.put(promotion("of-copy", version="copy", created=later(5)))
    settle(toy, "of-copy")
    assert ready(toy, "of-copy")["reason"] == "VersionRejected"
    toy.world.put(model({**GATE, "metrics": [{"name": "accuracy", "min": 0.5}]}))
    toy.world.put(promotion("anew", version="copy", created=later(9)))
    settle(toy, "anew")
    assert status(toy, "anew")["phase"] == "Evaluating"


def test_a_failed_artifact_is_refused_though_its_version_was_deleted_and_created_again() -> None:
    toy = cluster(model(), promotion())
    settle(toy)
    judge(toy, "Fail")
    settle(toy)
    obj, version = toy.get(MODELS, "digits"), toy.get(MODEL_VERSIONS, "digits-b")
    failed = version["status"]["gates"][0]
    names = ("gate", "digest", "alias", "promotion", "promotionUid", "time")
    obj["status"]["rejections"] = [{**{name: failed[name] for name in names}, "version": "digits-b"}]
    toy.store(obj)
    again = model_version("digits-b")
    again["metadata"]["uid"] = "second"
    toy.world.put(again)
    for resource in (EVALUATIONS, PROMOTIONS):
        toy.world.remove(toy.only(resource))
    toy.world.put(promotion("again", created=later(5)))
    settle(toy, "again")
    assert ready(toy, "again")["reason"] == "VersionRejected"


# -- identity --------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", [digest_of("worse"), digest_of("digits-a")])
def test_a_former_version_created_again_has_to_pass_the_gate(digest: str) -> None:
    toy = cluster(model(), promotion("back", version="digits-a"))
    point(toy, "digits-a", by="to-a")
    point(toy, "digits-b", by="to-b")
    again = model_version("digits-a", digest=digest)
    again["metadata"]["uid"] = "second"
    toy.world.put(again)
    settle(toy, "back")
    assert status(toy, "back")["phase"] == "Evaluating"
    assert gate_passed(toy, "back") == "Unknown"


def test_the_current_version_created_again_is_not_there_already() -> None:
    toy = cluster(model(), promotion("again", version="digits-a"))
    point(toy, "digits-a", by="to-a")
    again = model_version("digits-a")
    again["metadata"]["uid"] = "second"
    toy.world.put(again)
    settle(toy, "again")
    assert status(toy, "again")["phase"] == "Evaluating"
    assert "baseline" not in toy.only(EVALUATIONS)["spec"]


def test_a_decision_holds_the_identities_it_is_about() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="to-a")
    settle(toy)
    judge(toy, "Pass", baseline="digits-a")
    settle(toy)
    found = status(toy)
    assert found["candidate"] == {"name": "digits-b", "uid": "uid-of-digits-b", "digest": digest_of("digits-b")}
    assert found["baseline"] == {"name": "digits-a", "uid": "uid-of-digits-a", "digest": digest_of("digits-a")}
    assert (found["from"], found["fromUid"]) == ("digits-a", "uid-of-digits-a")
    assert found["evaluationUid"] == toy.only(EVALUATIONS)["metadata"]["uid"]


# -- a baseline that was deleted -------------------------------------------------------------------


@pytest.mark.parametrize("measuring", [False, True])
def test_a_deleted_baseline_is_no_baseline(measuring: bool) -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="to-a")
    if measuring:
        settle(toy)
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-a"))
    plan = toy.step(CONTROLLER, "to-b")
    assert [key.name for _, key in plan.confirm_absent] == ["digits-a"], "it may only not be in the cache yet"
    assert "which was deleted" in status(toy)["message"]
    assert toy.plan(CONTROLLER, "to-b").confirm_absent == (), "nothing is made of it any more"
    judge(toy, "Pass")
    settle(toy)
    found = status(toy)
    assert (found["phase"], found["from"]) == ("Promoting", "digits-a")
    assert "baseline" not in found


def test_a_deleted_baseline_is_refused_where_the_gate_requires_one() -> None:
    toy = cluster(model({**GATE, "baseline": {"missing": "Reject"}}), promotion())
    point(toy, "digits-a", by="to-a")
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-a"))
    plan = toy.step(CONTROLLER, "to-b")
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "BaselineMissing")
    assert "champion points at digits-a, which was deleted, and its gate" in status(toy)["message"]
    assert [key.name for _, key in plan.confirm_absent] == ["digits-a"]
    assert condition(toy.get(PROMOTIONS, "to-b"), "Stalled")["status"] == "True"
