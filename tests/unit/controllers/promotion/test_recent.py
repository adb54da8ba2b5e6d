# SPDX-License-Identifier: Apache-2.0
"""A gate on recent rows measures an artifact again only on new rows, whatever became of the Promotion before."""

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import ToyCluster, later
from tests.unit.controllers.promotion.scene import (
    GATE,
    cluster,
    gate_passed,
    judge,
    model,
    promotion,
    ready,
    record,
    settle,
    status,
)

RECENT_GATE: Manifest = {**GATE, "recent": {"uri": "pvc://logs/digits", "minCount": 100}}
NEWEST = "2026-01-01T11:59:00Z"


def judged(toy: ToyCluster, verdict: str, *, newest: str = NEWEST, reason: str = "Measured") -> None:
    """The open Evaluation ends with this verdict on recent rows, and the version records it."""
    evaluation = judge(toy, verdict, recorded=False)
    evaluation["status"]["recent"] = {"start": NEWEST, "end": newest, "rows": 300, "newest": newest}
    evaluation["status"]["conditions"][0]["reason"] = reason
    toy.store(evaluation)
    record(toy)


def failed_once() -> ToyCluster:
    toy = cluster(model(RECENT_GATE), promotion())
    settle(toy)
    assert "recentAfter" not in toy.only(EVALUATIONS)["spec"]
    judged(toy, "Fail")
    settle(toy)
    assert ready(toy)["reason"] == "GateFailed"
    return toy


def ask_again(toy: ToyCluster) -> Manifest:
    """The only open Evaluation, of a second Promotion of the same version."""
    toy.store(promotion("again", created=later(60)))
    settle(toy, "again")
    (evaluation,) = [obj for obj in toy.world.all(EVALUATIONS) if "verdict" not in (obj.get("status") or {})]
    return evaluation


def test_a_second_measurement_is_told_where_the_first_one_ended() -> None:
    assert ask_again(failed_once())["spec"]["recentAfter"] == NEWEST


def test_it_is_told_so_even_if_the_first_promotion_was_deleted() -> None:
    toy = failed_once()
    for obj in (*toy.world.all(EVALUATIONS), *toy.world.all(PROMOTIONS)):
        toy.world.remove(obj)
    assert ask_again(toy)["spec"]["recentAfter"] == NEWEST


def test_it_is_told_so_even_if_the_first_version_was_deleted_and_made_again() -> None:
    toy = failed_once()
    version = toy.get(MODEL_VERSIONS, "digits-b")
    (result,) = version["status"].pop("gates")
    names = ("gate", "digest", "alias", "promotion", "promotionUid", "time", "newestRow")
    known = toy.get(MODELS, "digits")
    known["status"]["rejections"] = [{name: result[name] for name in names} | {"version": "digits-b"}]
    for obj in (*toy.world.all(EVALUATIONS), *toy.world.all(PROMOTIONS)):
        toy.world.remove(obj)
    toy.store(version)
    toy.store(known)
    assert ask_again(toy)["spec"]["recentAfter"] == NEWEST
    judged(toy, "Pass", newest="2026-01-01T12:00:30Z")
    (recorded,) = toy.get(MODEL_VERSIONS, "digits-b")["status"]["gates"]
    assert (recorded["verdict"], recorded["recentAfter"]) == ("Pass", NEWEST)


def test_without_enough_new_rows_the_version_stays_rejected() -> None:
    toy = failed_once()
    ask_again(toy)
    judged(toy, "NoData", reason="TooFewNewRows")
    settle(toy, "again")
    assert (status(toy, "again")["phase"], ready(toy, "again")["reason"]) == ("Rejected", "VersionRejected")


def test_with_enough_new_rows_the_new_verdict_decides_and_is_recorded_for_the_next() -> None:
    toy = failed_once()
    ask_again(toy)
    judged(toy, "Pass", newest="2026-01-01T12:00:30Z")
    settle(toy, "again")
    assert gate_passed(toy, "again") == "True"
    toy.store(promotion("third", created=later(120)))
    obj = toy.get(MODELS, "digits")
    obj["spec"]["aliases"][0]["gate"] = RECENT_GATE
    toy.store(obj)
    settle(toy, "third")
    third = [obj for obj in toy.world.all(EVALUATIONS) if obj["spec"].get("recentAfter") == "2026-01-01T12:00:30Z"]
    assert len(third) == 1


def test_a_gate_on_frozen_rows_still_measures_once() -> None:
    toy = cluster(model(GATE), promotion())
    settle(toy)
    judge(toy, "Fail")
    settle(toy)
    toy.store(promotion("again", created=later(60)))
    settle(toy, "again")
    assert ready(toy, "again")["reason"] == "VersionRejected"
    assert len(toy.world.all(EVALUATIONS)) == 1
