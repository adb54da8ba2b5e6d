# SPDX-License-Identifier: Apache-2.0
"""`status.stable.serverImage` is the image that the server runs."""

from dataclasses import replace

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.kube.resources import DEPLOYMENTS
from tests.unit.controllers.modeldeployment.scene import SETTINGS, Scene

MINE = {
    "spec": {"containers": [{"name": "side", "image": "example/side:1"}, {"name": "main", "image": "example/mine:1"}]}
}
NEWER = replace(SETTINGS, server_image="example/server:newer")


def serving(template: Manifest | None = MINE) -> Scene:
    scene = Scene(spec={"rollout": {"steps": []}, "template": template}, golden=False)
    scene.rest()
    return scene


def images(scene: Scene) -> tuple[str, str]:
    """The image in the status, and the one in the pods."""
    (main,) = (
        entry
        for entry in scene.cluster.only(DEPLOYMENTS)["spec"]["template"]["spec"]["containers"]
        if entry["name"] == "main"
    )
    return scene.status["stable"]["serverImage"], main["image"]


def test_an_image_of_the_template_is_in_the_status() -> None:
    assert images(serving()) == ("example/mine:1", "example/mine:1")


def test_another_default_image_replaces_no_pod_that_has_its_own() -> None:
    scene = serving()
    before, writes = scene.status, len(scene.cluster.writes)
    scene.controller = ModelDeploymentController(NEWER)
    scene.rest()
    assert scene.status == before
    assert len(scene.cluster.writes) == writes


def test_a_template_without_the_image_takes_the_default_again() -> None:
    scene = serving()
    scene.edit(template={"spec": {"containers": []}})
    scene.rest()
    assert images(scene) == (SETTINGS.server_image, SETTINGS.server_image)


def test_another_image_of_the_template_is_another_revision() -> None:
    scene = serving()
    scene.edit(template={"spec": {"containers": [{"name": "main", "image": "example/mine:2"}]}})
    scene.rest()
    assert images(scene) == ("example/mine:2", "example/mine:2")


def test_a_side_container_alone_leaves_the_default() -> None:
    scene = serving({"spec": {"containers": [{"name": "side", "image": "example/side:1"}]}})
    assert images(scene) == (SETTINGS.server_image, SETTINGS.server_image)
