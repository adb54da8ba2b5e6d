# SPDX-License-Identifier: Apache-2.0
"""Servers on nodes that do not answer: which revision, pod and node, since when, and what to do."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, PODS
from tests.unit.controllers.lost import deleted, silent
from tests.unit.controllers.modeldeployment.scene import NAME, NO_STEPS, SLOW, STEPS, Scene, phase, serving


def pods_of(scene: Scene, revision: str) -> list[Manifest]:
    return [pod for pod in scene.cluster.world.all(PODS) if pod["metadata"]["labels"][LABEL_REVISION] == revision]


def lose(scene: Scene, role: str = "stable") -> Manifest:
    """The node of one pod falls silent, and the Deployment counts a ready pod less."""
    revision = scene.status[role]["revision"]
    pod = silent(pods_of(scene, revision)[0], scene.cluster.now)
    (deployment,) = [
        entry
        for entry in scene.cluster.world.all(DEPLOYMENTS)
        if entry["metadata"]["labels"][LABEL_REVISION] == revision
    ]
    deployment["status"]["readyReplicas"] -= 1
    scene.cluster.store(deployment)
    return scene.cluster.store(pod)


def rest(scene: Scene) -> None:
    """Go on without the kubelet, of which nothing is heard."""
    scene.cluster.settle(scene.controller, NAME)


def words(scene: Scene, pod: Manifest, role: str = "stable") -> str:
    where = f"pod {pod['metadata']['name']} of revision {scene.status[role]['revision']}"
    return f"NodeLost: node worker-2 of {where} has not answered since {timestamp(scene.cluster.now)}; "


def test_a_lost_server_of_the_stable_version_is_told_for_one_write() -> None:
    scene = serving(golden=False)
    writes = len(scene.cluster.writes)
    pod = lose(scene)
    rest(scene)
    assert scene.condition("Ready") == ("True", "ReplicasUnavailable")
    assert scene.message().startswith(f"digits-1: 1 of 2 replicas are ready; waiting: {words(scene, pod)}")
    assert scene.status["waiting"]["reason"] == "NodeLost"
    assert len(scene.cluster.writes) == writes + 1
    scene.wait(200)
    rest(scene)
    assert len(scene.cluster.writes) == writes + 1


def test_a_node_that_comes_back_ends_it() -> None:
    scene = serving(golden=False)
    lose(scene)
    rest(scene)
    scene.rest()
    assert (scene.condition("Ready"), scene.message()) == (("True", "Serving"), "digits-1 serves")
    assert "waiting" not in scene.status


def test_a_pod_that_stays_is_told_with_what_to_do_although_another_one_serves_in_its_place() -> None:
    scene = serving(golden=False)
    pod = lose(scene)
    rest(scene)
    scene.wait(300)
    removed = scene.cluster.now
    name = {**pod["metadata"], "name": f"{pod['metadata']['name']}-99", "uid": "another"}
    scene.cluster.world.remove(pod)
    scene.kubelet()
    gone = deleted({**pod, "metadata": name}, removed, grace=35)
    scene.cluster.store(gone)
    rest(scene)
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.message().startswith("digits-1 serves; NodeLost: node worker-2 of pod")
    assert "waiting" not in scene.status
    asked = scene.cluster.plan(scene.controller, NAME).requeue_after
    assert asked == 30
    scene.wait(asked)
    rest(scene)
    assert f"should have ended by {timestamp(removed)}, but node worker-2" in scene.message()
    assert f"kubectl delete pod {name['name']} --force" in scene.message()
    assert scene.cluster.plan(scene.controller, NAME).requeue_after is None
    scene.cluster.world.remove(gone)
    rest(scene)
    assert scene.message() == "digits-1 serves"


def test_a_lost_server_of_a_candidate_and_of_the_stable_version_beside_it_are_both_told() -> None:
    scene = serving(golden=False, spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    assert phase(scene) == "Stepping"
    candidate = lose(scene, "candidate")
    rest(scene)
    assert scene.condition("Ready") == ("True", "RollingOut")
    assert f"; waiting: {words(scene, candidate, 'candidate')}" in scene.message()
    stable = lose(scene)
    rest(scene)
    assert f"; waiting: {words(scene, candidate, 'candidate')}" in scene.message()
    assert f"; {words(scene, stable)}" in scene.message()
    assert scene.status["waiting"]["message"].startswith(f"node worker-2 of pod {candidate['metadata']['name']} ")


def test_a_first_version_whose_node_is_lost_says_so_in_its_reason() -> None:
    scene = Scene(golden=False, behaviour={"digits-1": SLOW}, spec=NO_STEPS)
    scene.rest()
    revision = scene.status["candidate"]["revision"]
    scene.cluster.store(silent(pods_of(scene, revision)[0], scene.cluster.now))
    rest(scene)
    assert scene.condition("Ready") == ("False", "NodeLost")
    assert scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["status"]["waiting"]["reason"] == "NodeLost"


def test_a_candidate_that_is_late_for_a_lost_node_is_stopped_with_that_cause() -> None:
    scene = serving(golden=False, spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    lose(scene, "candidate")
    rest(scene)
    scene.wait(3600)
    rest(scene)
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert "; waiting: NodeLost: node worker-2 of pod" in scene.status["stopped"]["message"]
