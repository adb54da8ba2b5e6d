# SPDX-License-Identifier: Apache-2.0
"""A ModelDeployment in its bake, and ways for its revisions to fail."""

from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS
from tests.unit.controllers.modeldeployment.scene import SLOW, STEPS, Scene, serving

BAKE: Manifest = {"rollout": {"steps": [], "bake": "60s"}}
BAKE_AFTER_STEPS: Manifest = {**STEPS, "rollout": {**STEPS["rollout"], "bake": "60s"}}


def baking(**fields: Any) -> Scene:
    """A scene in which digits-2 has just taken over from digits-1."""
    scene = serving(**{"spec": BAKE, **fields})
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"
    assert scene.status["former"]["version"] == "digits-1"
    scene.timeline.clear()
    return scene


def lose(scene: Scene, version: str) -> None:
    """The pods of a version are not ready any more, as when their node is marked NotReady."""
    scene.behaviour[version] = SLOW
    scene.kubelet()


def set_ready(scene: Scene, version: str, ready: int) -> None:
    """That many pods of a version are ready."""
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, version)]
    deployment["status"]["readyReplicas"] = ready
    scene.cluster.store(deployment)


def serves(deployment: Manifest, version: str) -> bool:
    return bool(deployment["metadata"]["annotations"]["mlops-operator.io/model-version"] == version)


def reasons(scene: Scene) -> list[str]:
    return [event.reason for event in scene.cluster.events]
