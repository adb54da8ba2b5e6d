# SPDX-License-Identifier: Apache-2.0
"""What is mended, what is left alone, and what is told of it."""

from dataclasses import replace
from typing import Any

import pytest

from mlops_operator.api.common import PodOptions
from mlops_operator.controllers.modeldeployment.names import ANNOTATION_POD_OPTIONS
from mlops_operator.controllers.settings import FINISHED_JOB_TTL
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PODS
from tests.unit.controllers.builders import make
from tests.unit.controllers.modeldeployment.scene import (
    NAME,
    NO_STEPS,
    STEPS,
    UNSCHEDULABLE,
    Scene,
    model_version,
    phase,
    pod_status,
    serving,
)


def test_scaling_to_zero_in_mid_rollout_removes_the_candidate_and_up_again_resumes() -> None:
    scene = serving()
    scene.point("digits-2")
    scene.rest()
    scene.edit(replicas=0)
    scene.rest()
    assert scene.versions() == {"digits-1": 0}
    assert scene.condition("Ready") == ("True", "ScaledToZero")
    scene.edit(replicas=2)
    scene.roll()
    assert scene.versions() == {"digits-2": 2}


def test_a_missing_model_holds_everything_as_it_is() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.cluster.world.remove(scene.cluster.get(MODELS, "digits"))
    scene.wait(3600)
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelNotFound")
    assert scene.condition("Reconciling") == ("True", "ModelNotFound")
    assert scene.served() == {"digits-1", "digits-2"}
    assert scene.versions() == {"digits-1": 4, "digits-2": 1}
    assert phase(scene) == "Stepping"
    scene.point("digits-2")
    scene.roll()
    assert scene.versions() == {"digits-2": 4}


def test_a_stable_version_whose_object_is_gone_serves_on() -> None:
    scene = serving()
    scene.cluster.world.remove(scene.cluster.get(MODEL_VERSIONS, "digits-1"))
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelVersionNotFound")
    scene.edit(replicas=3)
    scene.rest()
    assert scene.versions() == {"digits-1": 3}


def test_a_deleted_deployment_of_the_stable_version_is_made_again() -> None:
    scene = serving()
    scene.cluster.world.remove(scene.cluster.only(DEPLOYMENTS))
    scene.kubelet()
    scene.step()
    assert scene.condition("Ready") == ("False", "ReplicasUnavailable")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.versions() == {"digits-1": 2}


def test_a_stable_version_whose_pods_nobody_knows_any_more_is_replaced_at_once() -> None:
    scene = serving(spec=STEPS)
    scene.edit(env=[{"name": "A", "value": "1"}])
    scene.rest(answer=False)
    (stable,) = [
        entry
        for entry in scene.cluster.world.all(DEPLOYMENTS)
        if entry["metadata"]["name"] == scene.status["stable"]["deployment"]
    ]
    scene.cluster.world.remove(stable)
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.versions() == {"digits-1": 4}


def test_a_template_changed_by_hand_is_repaired() -> None:
    scene = serving()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else:1"
    scene.cluster.store(deployment)
    scene.rest()
    found = scene.cluster.only(DEPLOYMENTS)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == scene.settings.server_image


def from_an_older_release(scene: Scene) -> None:
    """The Deployment is as a release made it that had no defaults of pods."""
    deployment = scene.cluster.only(DEPLOYMENTS)
    del deployment["metadata"]["annotations"][ANNOTATION_POD_OPTIONS]
    pod = deployment["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        del container["resources"]
    scene.cluster.store(deployment)


def test_servers_of_a_release_without_defaults_are_left_as_they_are() -> None:
    scene = serving()
    from_an_older_release(scene)
    before = len(scene.cluster.writes)
    scene.rest()
    assert scene.cluster.writes[before:] == []


def test_the_next_revision_has_the_defaults_of_now() -> None:
    scene = serving()
    from_an_older_release(scene)
    scene.edit(env=[{"name": "A", "value": "b"}], rollout={"steps": [], "bake": "0s"})
    scene.rest()
    (server,) = scene.cluster.only(DEPLOYMENTS)["spec"]["template"]["spec"]["containers"]
    assert server["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}


OPTIONS = PodOptions.model_validate(
    {"tolerations": [{"operator": "Exists"}], "resources": {"limits": {"cpu": 9}}, "securityContext": {"fsGroup": 1}}
)


@pytest.mark.parametrize(
    "changed",
    [{"workload_image": "example/workload:2"}, {"pod_security_context": {}}, {"server_pods": OPTIONS}],
    ids=["image", "security context", "defaults of servers"],
)
def test_changed_settings_replace_no_pod(changed: dict[str, Any]) -> None:
    scene = serving()
    before = len(scene.cluster.writes)
    newer = Scene(settings=replace(scene.settings, **changed))
    newer.cluster = scene.cluster
    newer.rest()
    assert len(scene.cluster.writes) == before


def test_losing_a_replica_is_told_at_once_and_its_return_too() -> None:
    scene = serving()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["status"]["readyReplicas"] = 1
    scene.cluster.store(deployment)
    scene.step()
    assert scene.condition("Ready") == ("True", "ReplicasUnavailable")
    assert scene.message() == "digits-1: 1 of 2 replicas are ready"
    assert scene.status["readyReplicas"] == 1
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_replicas_that_become_ready_one_by_one_cost_one_write() -> None:
    scene = serving(spec={"replicas": 5})
    scene.edit(replicas=20)
    scene.step()
    scene.wait(2)
    scene.kubelet()
    before = len(scene.cluster.writes)
    for ready in range(6, 21):
        deployment = scene.cluster.only(DEPLOYMENTS)
        deployment["status"]["readyReplicas"] = ready
        scene.cluster.store(deployment)
        scene.step()
    assert scene.cluster.writes[before:] == [f"status ModelDeployment {NAME}"]
    assert scene.status["readyReplicas"] == 20


def test_replicas_that_take_longer_are_told_of_after_ten_seconds() -> None:
    scene = serving(spec={"replicas": 2})
    scene.edit(replicas=4)
    scene.step()
    scene.kubelet()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["status"]["readyReplicas"] = 3
    scene.cluster.store(deployment)
    assert scene.cluster.step(scene.controller, NAME).requeue_after == 10
    assert scene.status["readyReplicas"] == 2
    scene.wait(10)
    scene.step()
    assert scene.status["readyReplicas"] == 3


def test_a_candidate_that_is_not_verified_is_waited_for_while_the_stable_one_serves() -> None:
    scene = serving()
    scene.cluster.store(model_version("digits-2", ready=False))
    scene.point("digits-2")
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelVersionNotReady")
    assert scene.versions() == {"digits-1": 2}


def test_an_outdated_status_takes_no_request_from_what_serves_and_deletes_nothing() -> None:
    scene = serving(spec=NO_STEPS)
    outdated = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.point("digits-2")
    scene.rest()
    fresh = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.cluster.world.put({**outdated, "metadata": fresh["metadata"]})
    scene.point("digits-1")  # as outdated as the status
    before = len(scene.cluster.writes)
    scene.step()
    assert scene.served() == {"digits-2"}
    assert scene.behind_traffic() == 2
    assert not [write for write in scene.cluster.writes[before:] if write.startswith(("delete", "apply Service"))]


def test_a_replaced_candidate_gets_no_more_requests_even_if_its_successor_is_refused() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.point("digits-3")
    scene.cluster.refuse["Deployment"] = (403, "Forbidden", "exceeded quota")
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.condition("Ready") == ("True", "Forbidden")
    del scene.cluster.refuse["Deployment"]
    scene.roll()
    assert scene.versions() == {"digits-3": 4}


def test_a_pod_too_many_is_not_waited_for() -> None:
    scene = serving()
    (deployment,) = scene.cluster.world.all(DEPLOYMENTS)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    scene.cluster.store(make(PODS, "one-more", labels=labels, status=pod_status(UNSCHEDULABLE)))
    plan = scene.cluster.plan(scene.controller, NAME)
    assert plan.status == scene.status
    assert plan.requeue_after == FINISHED_JOB_TTL
