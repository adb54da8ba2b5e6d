# SPDX-License-Identifier: Apache-2.0
"""Golden requests whose pod cannot start are asked again when the ModelDeployment corrects what keeps it."""

from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import NO_NODE, pod_of
from tests.unit.controllers.corrections import TOLERATIONS, same, tolerations
from tests.unit.controllers.modeldeployment.scene import Scene, serving
from tests.unit.controllers.nodes import unscheduled


def test_golden_requests_are_asked_again_with_the_deployments_new_options() -> None:
    scene = Scene()
    scene.step()
    scene.kubelet()
    scene.step()
    job = scene.cluster.only(JOBS)
    scene.cluster.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[unscheduled(NO_NODE)])]
    scene.wait(5)
    scene.step()
    assert same(job, scene.cluster)
    revision = scene.status["candidate"]["revision"]
    scene.edit(taskPods={"tolerations": TOLERATIONS})
    scene.step()
    assert tolerations(scene.cluster) == TOLERATIONS
    assert scene.status["candidate"]["revision"] == revision


def test_options_of_tasks_replace_no_server() -> None:
    scene = serving()
    before = len(scene.cluster.writes)
    scene.edit(taskPods={"tolerations": TOLERATIONS})
    scene.rest()
    assert [write for write in scene.cluster.writes[before:] if "Deployment/" in write and "Model" not in write] == []
