# SPDX-License-Identifier: Apache-2.0
"""A new release of the operator, with another default server image, meets a ModelDeployment that serves."""

from dataclasses import replace

from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from tests.unit.controllers.modeldeployment.scene import SETTINGS, Scene

NEWER = replace(SETTINGS, server_image="example/server:newer")


def upgraded() -> Scene:
    scene = Scene(spec={"rollout": {"steps": []}}, golden=False)
    scene.rest()
    assert scene.status["stable"]["serverImage"] == SETTINGS.server_image
    scene.controller = ModelDeploymentController(NEWER)
    return scene


def test_it_replaces_no_running_pod() -> None:
    scene = upgraded()
    before, writes = scene.status, len(scene.cluster.writes)
    scene.rest()
    assert scene.status == before
    assert len(scene.cluster.writes) == writes


def test_scaling_does_not_either() -> None:
    scene = upgraded()
    scene.edit(replicas=3)
    scene.rest()
    scene.wait(60)
    scene.rest()
    assert scene.status["stable"]["serverImage"] == SETTINGS.server_image
    assert scene.status["stable"]["replicas"] == 3


def test_the_next_change_of_the_pods_takes_the_new_image_along() -> None:
    scene = upgraded()
    scene.edit(env=[{"name": "A", "value": "1"}])
    scene.rest()
    assert scene.status["stable"]["serverImage"] == NEWER.server_image


def test_the_next_version_takes_the_new_image_along() -> None:
    scene = upgraded()
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"
    assert scene.status["stable"]["serverImage"] == NEWER.server_image
