"""A task whose pod cannot start is made again when its object or the installation corrects what keeps it."""

from typing import Any

from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS, MODEL_VERSIONS
from mlops_operator.runtime.controller import Controller
from tests.unit.controllers.builders import NO_NODE, ToyCluster, condition, job_started, later, pod_of
from tests.unit.controllers.modeldeployment.scene import Scene, serving
from tests.unit.controllers.modelmonitor.scene import NAME as MONITOR
from tests.unit.controllers.modelmonitor.scene import cluster as monitors
from tests.unit.controllers.modelversion.driver import NAME as VERSION
from tests.unit.controllers.modelversion.driver import begin
from tests.unit.controllers.nodes import unscheduled

TOLERATIONS = [{"key": "pool", "operator": "Exists"}]
CORRECTED = Settings(task_pods=PodOptions.model_validate({"tolerations": TOLERATIONS}))


def stuck(toy: ToyCluster, controller: Controller, name: str, seconds: float = 5) -> Manifest:
    """The object's Job, whose pod no node takes."""
    job = toy.only(JOBS)
    toy.store(job_started(job, at=toy.now))
    toy.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[unscheduled(NO_NODE)])]
    toy.now = later(seconds)
    toy.settle(controller, name)
    return job


def tolerations(toy: ToyCluster) -> Any:
    return toy.only(JOBS)["spec"]["template"]["spec"].get("tolerations")


def same(job: Manifest, toy: ToyCluster) -> bool:
    return bool(toy.only(JOBS)["metadata"]["uid"] == job["metadata"]["uid"])


def test_a_verification_is_made_again_with_the_versions_new_options() -> None:
    version = begin()
    job = stuck(version.cluster, version.controller, VERSION)
    assert same(job, version.cluster)
    version.cluster.edit(MODEL_VERSIONS, VERSION, taskPods={"tolerations": TOLERATIONS})
    version.settle()
    assert tolerations(version.cluster) == TOLERATIONS
    version.verified()
    assert condition(version.obj, "Ready")["status"] == "True"


def test_a_verification_is_made_again_with_the_installations_new_options() -> None:
    version = begin()
    stuck(version.cluster, version.controller, VERSION)
    version.cluster.settle(ModelVersionController(CORRECTED), VERSION)
    assert tolerations(version.cluster) == TOLERATIONS


def test_a_verification_that_runs_is_left_alone() -> None:
    version = begin()
    job = version.job
    version.cluster.store(job_started(job, at=later(0), ready=1))
    version.cluster.edit(MODEL_VERSIONS, VERSION, taskPods={"tolerations": TOLERATIONS})
    version.at(5).settle()
    assert same(job, version.cluster)


def test_a_version_whose_job_was_refused_is_verified_with_other_options() -> None:
    version = begin()
    version.cluster.world.remove(version.job)
    version.cluster.refuse["Job"] = (422, "Invalid", "tolerations[0].operator: must be Exists")
    version.settle()
    assert condition(version.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    version.cluster.refuse.clear()
    assert version.settle().actions == ()
    version.cluster.edit(MODEL_VERSIONS, VERSION, taskPods={"tolerations": TOLERATIONS})
    version.settle()
    assert tolerations(version.cluster) == TOLERATIONS


def test_a_window_is_measured_with_the_installations_new_options() -> None:
    toy = monitors()
    toy.now = later(70)
    toy.settle(ModelMonitorController(Settings()), MONITOR)
    stuck(toy, ModelMonitorController(Settings()), MONITOR, seconds=76)
    toy.settle(ModelMonitorController(CORRECTED), MONITOR)
    toy.settle(ModelMonitorController(CORRECTED), MONITOR)
    assert tolerations(toy) == TOLERATIONS
    assert "measuring" in toy.get(MODEL_MONITORS, MONITOR)["status"]


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
