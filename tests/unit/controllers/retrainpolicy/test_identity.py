# SPDX-License-Identifier: Apache-2.0
"""A policy follows the very objects that it started, and none that a user created under their names."""

from datetime import timedelta
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.retrainpolicy.policies.follow import VERSION_GRACE
from mlops_operator.controllers.retrainpolicy.render import ANNOTATION_DECISION
from mlops_operator.kube.resources import MODEL_VERSIONS, PROMOTIONS, RETRAIN_POLICIES, TRAINING_JOBS
from tests.unit.controllers.builders import make
from tests.unit.controllers.retrainpolicy.scene import (
    CONTROLLER,
    NAME,
    cluster,
    decisions,
    promotion_ends,
    settle,
    training_ends,
)
from tests.unit.controllers.versions import digest_of, model_version

DECISION = '{"id":"f0f0f0f0","trigger":"manual","time":"2030-01-01T00:00:00Z","outcome":"Started","reason":"x"}'


def again(obj: Manifest, **spec: Any) -> Manifest:
    """Another object under the name."""
    other = {**obj, "metadata": {**obj["metadata"], "uid": "second"}, "spec": {**obj["spec"], **spec}}
    other.pop("status", None)
    return other


@pytest.mark.parametrize("name", ["forged", "as expected"])
def test_a_training_that_the_policy_would_not_create_is_no_lost_start(name: str) -> None:
    toy = cluster("TT")
    settle(toy)
    policy, job = toy.get(RETRAIN_POLICIES, NAME), toy.only(TRAINING_JOBS)
    policy["status"] = {"observedGeneration": -1}
    toy.store(policy)
    toy.world.remove(job)
    if name == "as expected":
        job["spec"]["image"] = "example.test/evil:1"
        toy.store(job)
    else:
        annotations = {ANNOTATION_DECISION: DECISION}
        forged = make(TRAINING_JOBS, name, spec={"image": "evil"}, annotations=annotations, owner=policy)
        toy.world.put(forged)
    plan = toy.plan(CONTROLLER, NAME)
    # It starts its own training as if there were none; the executor reports a name that is taken.
    created = [action for action in plan.actions if getattr(action, "resource", None) == TRAINING_JOBS]
    assert [action.manifest["spec"]["image"] for action in created] == ["example.test/train:1"]  # type: ignore[union-attr]
    assert plan.status is not None
    assert [entry["id"] for entry in plan.status["decisions"]] != ["f0f0f0f0"]


def test_a_decision_holds_the_identities_of_what_came_of_it() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    promotion_ends(toy, "Promoted")
    settle(toy)
    (decision,) = decisions(toy)
    assert decision["trainingJobUid"] == toy.only(TRAINING_JOBS)["metadata"]["uid"]
    assert (decision["modelVersionUid"], decision["digest"]) == ("uid-of-digits-b", digest_of("digits-b"))
    assert decision["promotionUid"] == toy.only(PROMOTIONS)["metadata"]["uid"]


def test_a_version_created_again_is_not_what_the_training_made() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    toy.world.put(again(toy.get(MODEL_VERSIONS, "digits-b")))
    settle(toy)
    toy.now += timedelta(seconds=VERSION_GRACE)
    settle(toy)
    (decision,) = decisions(toy)
    assert decision["result"] == "VersionFailed"


def test_a_promotion_of_another_version_is_not_the_decisions() -> None:
    toy = cluster("TT")
    settle(toy)
    training_ends(toy)
    toy.world.put(model_version("digits-b"))
    settle(toy)
    forged = again(toy.only(PROMOTIONS), version="digits-a")
    forged["status"] = {"phase": "Promoted", "message": "in numbers"}
    toy.world.put(forged)
    settle(toy)
    (decision,) = decisions(toy)
    assert decision["result"] == "PromotionDeleted"
