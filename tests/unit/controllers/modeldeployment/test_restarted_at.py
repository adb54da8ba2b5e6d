# SPDX-License-Identifier: Apache-2.0
"""The annotation that rolls out the same version and settings with new pods."""

from mlops_operator.api.modeldeployment import RESTARTED_AT
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS
from tests.unit.controllers.modeldeployment.scene import NAME, Scene


def annotate(scene: Scene, value: str) -> None:
    obj = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    annotations = {**(obj["metadata"].get("annotations") or {}), RESTARTED_AT: value}
    scene.cluster.store({**obj, "metadata": {**obj["metadata"], "annotations": annotations}})


def serving(**spec: object) -> Scene:
    scene = Scene(spec={"rollout": {"steps": []}, **spec})
    scene.rest()
    return scene


def test_another_value_rolls_out_the_same_version() -> None:
    scene = serving()
    before = scene.status["stable"]["revision"]
    annotate(scene, "1")
    scene.step()
    assert scene.status["phase"] == "RollingOut"
    assert scene.status["stable"]["revision"] == before
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-1"
    assert scene.status["stable"]["revision"] != before
    assert min(scene.timeline[scene.timeline.index(2) :]) >= 2
    template = scene.cluster.only(DEPLOYMENTS)["spec"]["template"]
    assert template["metadata"]["annotations"][RESTARTED_AT] == "1"


def test_the_same_value_changes_nothing() -> None:
    scene = serving()
    annotate(scene, "1")
    scene.rest()
    before, writes = scene.status, len(scene.cluster.writes)
    annotate(scene, "1")
    scene.rest()
    assert scene.status == before
    assert len(scene.cluster.writes) == writes


def test_a_users_own_annotations_stay() -> None:
    scene = serving(template={"metadata": {"annotations": {"team": "a"}}})
    annotate(scene, "1")
    scene.rest()
    template = scene.cluster.only(DEPLOYMENTS)["spec"]["template"]
    assert template["metadata"]["annotations"] == {"team": "a", RESTARTED_AT: "1"}


def test_a_stopped_version_is_tried_again() -> None:
    scene = serving()
    scene.checks["digits-2"] = {"mismatches": 3}
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["version"] == "digits-2"
    scene.checks.clear()
    annotate(scene, "1")
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"
    assert "stopped" not in scene.status
