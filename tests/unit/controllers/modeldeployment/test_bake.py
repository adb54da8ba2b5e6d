# SPDX-License-Identifier: Apache-2.0
"""The former revision after a hand-over: how long its pods are kept, and when it takes the requests back."""

from typing import Any

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_VERSIONS, MODELS
from tests.unit.controllers.modeldeployment.baking import (
    BAKE,
    BAKE_AFTER_STEPS,
    baking,
    lose,
    reasons,
    serves,
    set_ready,
)
from tests.unit.controllers.modeldeployment.scene import NAME, NAMESPACE, model, serving

# -- while nothing fails -------------------------------------------------------------------------


def test_the_former_revision_keeps_its_pods_without_requests_until_the_bake_is_over() -> None:
    scene = baking()
    assert scene.versions() == {"digits-1": 2, "digits-2": 2}
    assert scene.served() == {"digits-2"}
    scene.wait(59)
    scene.rest()
    assert scene.versions() == {"digits-1": 2, "digits-2": 2}
    scene.wait(1)
    scene.rest()
    assert scene.versions() == {"digits-2": 2}
    assert "former" not in scene.status


def test_a_bake_does_not_keep_a_rollout_from_being_complete() -> None:
    scene = baking()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("Reconciling")[0] == "False"
    assert scene.status["phase"] == "Stable"
    assert (scene.status["replicas"], scene.status["readyReplicas"]) == (2, 2)


def test_a_plan_in_a_bake_is_made_again_when_the_bake_ends() -> None:
    scene = baking()
    scene.wait(15)
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == 45


def test_a_bake_costs_one_status_write() -> None:
    scene = baking()
    before = len(scene.cluster.writes)
    scene.roll()
    assert [" ".join(write.split()[:2]) for write in scene.cluster.writes[before:]] == [
        "status ModelDeployment",
        "delete Deployment",
    ]


def test_a_bake_of_0s_deletes_the_former_revision_at_once() -> None:
    scene = serving(spec={"rollout": {"steps": [], "bake": "0s"}})
    scene.point("digits-2")
    scene.rest()
    assert scene.versions() == {"digits-2": 2}
    assert "former" not in scene.status


def test_a_shorter_bake_in_the_spec_ends_one_that_has_begun() -> None:
    scene = baking()
    scene.wait(10)
    scene.edit(rollout={"bake": "5s"})
    scene.rest()
    assert scene.versions() == {"digits-2": 2}


def test_the_stable_deployment_is_read_again_before_the_former_revision_is_given_up() -> None:
    scene = baking()
    scene.wait(60)
    plan = scene.cluster.plan(scene.controller, NAME)
    (ground,) = [obj for resource, obj in plan.depends_on if resource == DEPLOYMENTS]
    assert serves(ground, "digits-2")


# -- the new revision fails ----------------------------------------------------------------------


@pytest.mark.parametrize("spec", [BAKE, BAKE_AFTER_STEPS], ids=["no steps", "steps"])
@pytest.mark.parametrize("after", [0, 20, 40, 59])
def test_a_new_revision_that_loses_its_pods_in_the_bake_loses_the_requests_in_the_same_plan(
    spec: Manifest, after: int
) -> None:
    scene = serving(spec=spec)
    replicas = scene.behind_traffic()
    scene.point("digits-2")
    while scene.status["stable"]["version"] == "digits-1":
        scene.rest()
        scene.wait(1)
    scene.wait(after - 1)
    scene.rest()
    scene.timeline.clear()
    lose(scene, "digits-2")
    assert scene.behind_traffic() == 0
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.pinned()
    scene.rest()
    assert min(scene.timeline) == replicas
    assert scene.versions() == {"digits-1": replicas}
    assert scene.status["stable"]["version"] == "digits-1"
    assert "former" not in scene.status


def test_one_replica_less_is_enough() -> None:
    scene = baking()
    set_ready(scene, "digits-2", 1)
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.behind_traffic() == 2


def test_what_happened_is_reported() -> None:
    scene = baking()
    scene.wait(21)
    lose(scene, "digits-2")
    scene.rest()
    stopped = scene.status["stopped"]
    assert (stopped["version"], stopped["reason"]) == ("digits-2", "CandidateUnavailable")
    assert stopped["message"] == (
        "0 of 2 replicas were ready 21 s after the hand-over; digits-1 serves again; "
        "next attempt at 2026-01-01T12:01:21Z"
    )
    assert scene.condition("Ready") == ("True", "CandidateStopped")
    assert scene.condition("Degraded") == ("True", "CandidateStopped")
    assert scene.condition("Reconciling") == ("True", "CandidateStopped")  # it is tried again
    assert scene.condition("Stalled")[0] == "False"
    assert reasons(scene)[-2:] == ["RolledBack", "CandidateStopped"]


def test_readiness_is_confirmed_for_both_revisions_before_the_requests_are_taken_back() -> None:
    scene = baking()
    lose(scene, "digits-2")
    plan = scene.cluster.plan(scene.controller, NAME)
    assert len([obj for resource, obj in plan.depends_on if resource == DEPLOYMENTS]) == 2


def test_an_operator_that_was_away_until_after_the_bake_takes_the_requests_back() -> None:
    scene = baking()
    scene.wait(3600)
    lose(scene, "digits-2")
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.behind_traffic() == 2


def test_after_the_bake_there_is_no_way_back() -> None:
    scene = baking()
    scene.roll()
    lose(scene, "digits-2")
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"
    assert scene.condition("Ready") == ("False", "ReplicasUnavailable")


def test_a_deleted_deployment_in_the_bake_counts_as_lost() -> None:
    scene = baking()
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, "digits-2")]
    scene.cluster.world.remove(deployment)
    scene.kubelet()
    plan = scene.cluster.plan(scene.controller, NAME)
    assert plan.confirm_absent == ((DEPLOYMENTS, Key(NAMESPACE, deployment["metadata"]["name"])),)
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.behind_traffic() == 2


def test_a_lost_revision_that_the_spec_no_longer_describes_gives_way_to_the_former_one() -> None:
    scene = baking()
    scene.edit(env=[{"name": "A", "value": "1"}])
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, "digits-2")]
    scene.cluster.world.remove(deployment)
    scene.kubelet()
    scene.step()
    assert scene.status["stable"]["version"] == "digits-1"
    assert scene.behind_traffic() == 2
    scene.roll()
    assert scene.versions() == {"digits-2": 2}


def test_a_lost_revision_is_replaced_by_the_target_where_the_former_one_is_not_ready_either() -> None:
    scene = baking()
    scene.edit(env=[{"name": "A", "value": "1"}])
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, "digits-2")]
    scene.cluster.world.remove(deployment)
    lose(scene, "digits-1")
    scene.step()
    assert "stable" not in scene.status
    scene.roll()
    assert scene.versions() == {"digits-2": 2}
    assert "former" not in scene.status


@pytest.mark.parametrize("missing", [MODELS, MODEL_VERSIONS])
def test_the_requests_are_taken_back_while_the_target_is_not_known(missing: Any) -> None:
    scene = baking()
    name = "digits" if missing == MODELS else "digits-2"
    scene.cluster.world.remove(scene.cluster.get(missing, name))
    lose(scene, "digits-2")
    scene.rest()
    assert scene.served() == {"digits-1"}
    assert scene.status["stopped"]["version"] == "digits-2"
    if missing == MODELS:
        scene.cluster.store(model("digits-2"))
        scene.rest()
        assert scene.status["stopped"]["version"] == "digits-2"  # not begun again before its time


# -- the former revision is no better ------------------------------------------------------------


@pytest.mark.parametrize(("new", "former"), [(1, 1), (1, 0), (0, 0)])
def test_the_requests_stay_where_the_former_revision_has_no_more_replicas(new: int, former: int) -> None:
    scene = baking()
    set_ready(scene, "digits-2", new)
    set_ready(scene, "digits-1", former)
    scene.step()
    assert scene.served() == {"digits-2"}
    assert scene.status["stable"]["version"] == "digits-2"


def test_a_former_revision_that_is_being_deleted_gets_no_requests() -> None:
    scene = baking()
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, "digits-1")]
    deployment["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    scene.cluster.store(deployment)
    set_ready(scene, "digits-2", 1)
    scene.step()
    assert scene.served() == {"digits-2"}


def test_replicas_that_are_added_in_the_bake_are_not_taken_for_lost() -> None:
    scene = baking()
    scene.edit(replicas=4)
    scene.step()
    assert scene.versions() == {"digits-1": 2, "digits-2": 4}
    scene.step()
    assert scene.served() == {"digits-2"}
    scene.roll()
    assert scene.versions() == {"digits-2": 4}


def test_replicas_that_are_taken_away_and_added_again_are_not_taken_for_lost() -> None:
    scene = baking()
    scene.edit(replicas=1)
    scene.rest()
    assert scene.versions() == {"digits-1": 1, "digits-2": 1}
    scene.edit(replicas=2)
    for _ in range(3):
        scene.step()
    assert scene.served() == {"digits-2"}
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"


def test_no_replicas_in_the_bake() -> None:
    scene = baking()
    scene.edit(replicas=0)
    scene.rest()
    assert scene.versions() == {"digits-1": 0, "digits-2": 0}
    assert scene.condition("Ready") == ("True", "ScaledToZero")
    scene.edit(replicas=2)
    scene.roll()
    assert scene.versions() == {"digits-2": 2}
