# SPDX-License-Identifier: Apache-2.0
"""A Promotion never restores: it waits for a restore, and one from before it is superseded by it."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.promotion.indexes import concerned_by_version
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.unit.controllers.builders import ToyCluster, key_of, later, make
from tests.unit.controllers.promotion.scene import (
    cluster,
    gate_passed,
    identity,
    judge,
    model,
    point,
    promotion,
    ready,
    settle,
    status,
)
from tests.unit.controllers.versions import digest_of


def restoring(**alias: Any) -> Manifest:
    """A Model that restores its champion to `digits-a`."""
    restore = {"version": "digits-a", "digest": digest_of("digits-a")}
    spec = {"aliases": [{"name": "champion", "restore": restore, **alias}]}
    return make(MODELS, "digits", spec=spec, status={"observedGeneration": 1})


def restore(toy: ToyCluster) -> None:
    """What the Model's controller does."""
    obj = toy.get(MODELS, "digits")
    entry = {"name": "champion", "version": "digits-a", **identity(toy, "digits-a"), "reason": "Restored"}
    obj["status"]["aliases"] = [{**entry, "since": "2026-01-01T12:00:05Z", "modelUid": obj["metadata"]["uid"]}]
    toy.store(obj)


@pytest.mark.parametrize("version", ["digits-a", "digits-b"])
def test_it_waits_for_the_restore_and_does_not_restore_itself(version: str) -> None:
    toy = cluster(restoring(), promotion(version=version))
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Pending", "RestorePending")
    assert gate_passed(toy) == "Unknown"
    assert toy.world.all(EVALUATIONS) == []
    assert "restore" in ready(toy)["message"]


def test_one_for_the_restored_version_is_promoted_and_another_superseded() -> None:
    toy = cluster(restoring(), promotion("to-a", version="digits-a"), promotion("to-b", created=later(-5)))
    for name in ("to-a", "to-b"):
        settle(toy, name)
    restore(toy)
    for name in ("to-a", "to-b"):
        settle(toy, name)
    assert (status(toy, "to-a")["phase"], ready(toy, "to-a")["reason"]) == ("Promoted", "AlreadyThere")
    assert status(toy, "to-b")["phase"] == "Superseded"
    assert "was restored from a backup at 2026-01-01T12:00:05Z" in ready(toy, "to-b")["message"]


def test_one_that_waited_is_superseded_whatever_the_clocks_say() -> None:
    toy = cluster(restoring(), promotion(created=later(3600)))
    settle(toy)
    restore(toy)
    settle(toy)
    assert status(toy)["phase"] == "Superseded"


def test_a_later_promotion_is_decided_as_usual() -> None:
    toy = cluster(restoring())
    restore(toy)
    toy.world.put(promotion(created=later(6)))
    settle(toy)
    assert gate_passed(toy) == "True"
    assert status(toy)["from"] == "digits-a"


def test_a_promotion_of_the_same_second_as_the_restore_is_taken_for_one_of_the_backup() -> None:
    toy = cluster(restoring())
    restore(toy)
    toy.world.put(promotion(created=later(5)))
    settle(toy)
    assert status(toy)["phase"] == "Superseded"


def test_a_status_of_another_model_object_holds_promotions_until_it_is_restored() -> None:
    toy = cluster(model(), promotion())
    point(toy, "digits-a", by="earlier")
    obj = toy.get(MODELS, "digits")
    obj["status"]["aliases"][0] |= {"modelUid": "former", "versionUid": "former-a"}
    toy.store(obj)
    settle(toy)
    assert ready(toy)["reason"] == "RestorePending"
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-a"))
    settle(toy)
    assert status(toy)["phase"] == "Evaluating", "a version that was deleted before the backup is not waited for"


def test_one_of_a_deleted_model_is_left_to_the_garbage_collector() -> None:
    orphan = promotion()
    orphan["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "mlops-operator.io/v1alpha1",
            "kind": "Model",
            "name": "digits",
            "uid": "former",
            "controller": True,
        }
    ]
    toy = cluster(model(None), orphan)
    plan = settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Pending", "OwnerNotFound")
    assert plan.requeue_after == 10, "the cache may only not show it yet"
    assert gate_passed(toy) == "Unknown"


# -- a baseline that was deleted ----------------------------------------------------------------------

CHANGE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://data/holdout.npz"}],
    "metrics": [{"name": "accuracy", "change": {"min": 0}}],
}
FLOOR: Manifest = {**CHANGE, "metrics": [{"name": "accuracy", "min": 0.9}]}


def without_baseline(gate: Manifest) -> ToyCluster:
    """An alias whose version was deleted, and a Promotion of another one."""
    toy = cluster(model(gate), promotion())
    point(toy, "digits-a", by="earlier")
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-a"))
    settle(toy)
    return toy


def change_gate(toy: ToyCluster, gate: Manifest) -> None:
    toy.edit(MODELS, "digits", aliases=[{"name": "champion", "gate": gate}])


def passes_afterwards(toy: ToyCluster) -> None:
    """The way out: with the changed gate another Promotion is measured alone, and passes."""
    change_gate(toy, FLOOR)
    toy.world.put(promotion("again", created=later(5)))
    settle(toy, "again")
    judge(toy, "Pass")
    settle(toy, "again")
    assert gate_passed(toy, "again") == "True"


def test_a_gate_with_a_relative_rule_alone_reports_the_way_out_and_it_works() -> None:
    toy = without_baseline(CHANGE)
    (evaluation,) = toy.world.all(EVALUATIONS)
    assert "baseline" not in evaluation["spec"]
    # What the Evaluation's controller answers.
    evaluation["status"] = {"phase": "Failed", "verdict": "NoData"}
    entry = {
        "type": "Ready",
        "status": "False",
        "reason": "NoAbsoluteRule",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    evaluation["status"]["conditions"] = [entry]
    toy.store(evaluation)
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "GateInconclusive")
    assert "champion points at digits-a, which was deleted" in ready(toy)["message"]
    assert "set min or max in a metric of the gate, then create another Promotion" in ready(toy)["message"]
    passes_afterwards(toy)


def test_a_gate_that_requires_a_baseline_reports_the_way_out_and_it_works() -> None:
    toy = without_baseline({**FLOOR, "baseline": {"missing": "Reject"}})
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "BaselineMissing")
    assert "set baseline.missing of the gate to RequireAbsolute" in ready(toy)["message"]
    passes_afterwards(toy)


def test_a_version_that_was_deleted_during_its_evaluation_is_named_and_a_newer_promotion_goes_on() -> None:
    toy = cluster(model(FLOOR), promotion())
    settle(toy)
    toy.world.remove(toy.get(MODEL_VERSIONS, "digits-b"))
    settle(toy)
    assert ready(toy)["reason"] == "ModelVersionNotFound"
    assert "was deleted: create a Promotion of another version" in ready(toy)["message"]
    toy.world.put(promotion("to-a", version="digits-a", created=later(5)))
    settle(toy)
    assert status(toy)["phase"] == "Superseded"


def test_the_deletion_of_a_baseline_enqueues_the_promotions_that_are_measured_against_it() -> None:
    toy = cluster(model(FLOOR), promotion(), promotion("other", alias="staging"))
    point(toy, "digits-a", by="earlier")
    settle(toy)
    assert list(concerned_by_version(toy.get(MODEL_VERSIONS, "digits-a"), toy.world)) == [
        key_of(toy.get(PROMOTIONS, "to-b"))
    ]
