# SPDX-License-Identifier: Apache-2.0
"""What is served next after or during a bake: a retry, another target, a rollback, another count of replicas."""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import ModelDeploymentSpec, ModelDeploymentStatus
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.policies.bake import has_third_revision
from mlops_operator.controllers.settings import FINISHED_JOB_TTL
from mlops_operator.kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, MODEL_DEPLOYMENTS, SERVICES
from tests.unit.controllers.modeldeployment.baking import BAKE, baking, lose, reasons, serves
from tests.unit.controllers.modeldeployment.scene import CRASHING, NAME, READY, Scene, phase, serving

# -- it is tried again ---------------------------------------------------------------------------


def test_it_is_tried_again_and_stays_once_it_holds() -> None:
    scene = baking()
    lose(scene, "digits-2")
    scene.rest()
    scene.behaviour["digits-2"] = READY
    scene.wait(59)
    scene.rest()
    assert "candidate" not in scene.status
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == 1
    scene.roll()
    assert scene.versions() == {"digits-2": 2}
    assert "stopped" not in scene.status
    assert scene.condition("Ready") == ("True", "Serving")


def test_each_retry_waits_longer() -> None:
    scene = baking()
    waits = []
    for _ in range(3):
        lose(scene, "digits-2")
        scene.rest()
        scene.behaviour["digits-2"] = READY
        wait = scene.cluster.plan(scene.controller, NAME).requeue_after
        assert wait is not None
        waits.append(wait)
        scene.wait(wait)
        scene.rest()
        assert scene.status["stable"]["version"] == "digits-2"
    assert waits == [60, 120, 240]
    assert scene.status["former"]["retries"] == 3
    assert min(scene.timeline) == 2


def test_a_retry_that_fails_for_another_reason_is_the_last() -> None:
    scene = baking()
    lose(scene, "digits-2")
    scene.rest()
    scene.behaviour["digits-2"] = CRASHING
    scene.wait(60)
    scene.rest()
    assert scene.status["stopped"]["reason"] == "ServerCrashed"
    assert "retryAt" not in scene.status["stopped"]
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == FINISHED_JOB_TTL - 60
    assert scene.condition("Stalled") == ("True", "CandidateStopped")


# -- another target in the bake ------------------------------------------------------------------


def test_the_next_candidate_is_checked_in_the_bake_and_takes_its_share_after_it() -> None:
    scene = baking()
    scene.edit(rollout={"steps": [{"weight": 50, "pause": "30s"}]})
    scene.point("digits-3")
    scene.rest()
    assert phase(scene) == "Checking"
    assert scene.status["candidate"]["golden"]["passed"] is True
    assert scene.status["waiting"]["reason"] == "Baking"
    assert scene.versions() == {"digits-1": 2, "digits-2": 2, "digits-3": 1}
    assert scene.served() == {"digits-2"}
    scene.wait(60)
    scene.rest()
    assert phase(scene) == "Stepping"
    assert scene.served() == {"digits-2", "digits-3"}
    scene.roll()
    assert scene.versions() == {"digits-3": 2}
    assert min(scene.timeline) == 2


def test_the_bake_does_not_count_for_the_progress_deadline() -> None:
    scene = baking(spec={"rollout": {"steps": [], "bake": "5m", "progressDeadline": "10s"}})
    scene.point("digits-3")
    scene.rest()
    scene.wait(299)
    scene.rest()
    assert "stopped" not in scene.status
    scene.roll(seconds=600)
    assert scene.versions() == {"digits-3": 2}


def test_requests_are_taken_back_under_a_third_candidate() -> None:
    scene = baking()
    scene.point("digits-3")
    scene.rest()
    lose(scene, "digits-2")
    scene.step()
    assert scene.status["stable"]["version"] == "digits-1"
    assert scene.status["candidate"]["version"] == "digits-3"
    assert scene.served() == {"digits-1"}
    scene.roll()
    assert scene.versions() == {"digits-3": 2}
    assert min(scene.timeline) == 2


def third(scene: Scene) -> Manifest:
    """A Deployment of a third revision."""
    (deployment,) = [entry for entry in scene.cluster.world.all(DEPLOYMENTS) if serves(entry, "digits-1")]
    return deployment


def shares(scene: Scene) -> bool:
    """Whether the candidate would share with a third revision."""
    scene.cluster.step(scene.controller, NAME)
    return phase(scene) in ("Stepping", "Promoting")


def test_a_third_revision_that_is_being_deleted_is_not_waited_for() -> None:
    scene = baking()
    scene.edit(rollout={"steps": [{"weight": 50, "pause": "30s"}]})
    scene.point("digits-3")
    scene.rest()
    assert not shares(scene)
    scene.cluster.store(
        {**third(scene), "metadata": {**third(scene)["metadata"], "deletionTimestamp": "2026-01-01T12:00:00Z"}}
    )
    assert shares(scene)


def test_a_third_revision_that_the_service_is_pinned_to_is_waited_for_only_while_the_status_names_it() -> None:
    scene = baking()
    scene.wait(60)
    scene.rest()
    obj = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    deployment = scene.cluster.only(DEPLOYMENTS)
    service = scene.cluster.get(SERVICES, NAME)
    named = ModelDeploymentStatus.of(obj)
    unnamed = named.replace(stable=None)

    def waits(status: ModelDeploymentStatus, *services: Manifest) -> bool:
        spec = ModelDeploymentSpec.model_validate(obj["spec"])
        observed = Observed(obj=obj, spec=spec, status=status, deployments=[deployment], services=services)
        return has_third_revision(observed, stable="a", candidate="b")

    assert waits(named, service)
    assert not waits(unnamed, service)
    assert waits(unnamed)


# -- a rollback in the bake ----------------------------------------------------------------------


def test_a_rollback_in_the_bake_is_immediate() -> None:
    scene = baking()
    scene.point("digits-1")
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.status["stable"]["version"] == "digits-1"
    assert "stopped" not in scene.status
    scene.rest()
    assert scene.versions() == {"digits-1": 2}
    assert scene.condition("Ready") == ("True", "Serving")
    assert reasons(scene)[-1] == "RolledBack"
    assert min(scene.timeline) == 2


def test_a_rollback_to_a_former_revision_that_is_not_ready_is_a_rollout() -> None:
    scene = baking()
    lose(scene, "digits-1")
    scene.point("digits-1")
    scene.step()
    assert scene.served() == {"digits-2"}
    assert phase(scene) == "Starting"
    assert "former" not in scene.status
    scene.behaviour["digits-1"] = READY
    scene.roll()
    assert scene.versions() == {"digits-1": 2}
    assert min(scene.timeline) == 2


def test_a_rollback_while_neither_revision_is_ready_is_a_rollout() -> None:
    scene = baking()
    lose(scene, "digits-1")
    lose(scene, "digits-2")
    scene.point("digits-1")
    scene.step()
    assert phase(scene) == "Starting"


# -- autoscaling ---------------------------------------------------------------------------------

AUTOSCALED: Manifest = {
    **BAKE,
    "replicas": None,
    "autoscaling": {"minReplicas": 2, "maxReplicas": 6},
    "resources": {"requests": {"cpu": "100m"}},
}


def autoscale(scene: Scene, count: int) -> None:
    """What the autoscaler does to the Deployment it targets."""
    deployment = scene.cluster.get(DEPLOYMENTS, target(scene))
    deployment["spec"]["replicas"] = count
    deployment["metadata"]["generation"] += 1
    scene.cluster.store(deployment)


def target(scene: Scene) -> str:
    name: str = scene.cluster.only(HORIZONTAL_POD_AUTOSCALERS)["spec"]["scaleTargetRef"]["name"]
    return name


def test_an_autoscaler_in_the_bake_scales_the_new_revision_and_shrinks_the_former_with_it() -> None:
    scene = serving(spec=AUTOSCALED)
    autoscale(scene, 4)
    scene.rest()
    scene.point("digits-2")
    scene.rest()
    assert scene.versions() == {"digits-1": 4, "digits-2": 4}
    autoscale(scene, 2)
    scene.rest()
    assert scene.versions() == {"digits-1": 2, "digits-2": 2}
    autoscale(scene, 5)
    for _ in range(3):
        scene.step()
    assert scene.served() == {"digits-2"}
    scene.rest()
    assert scene.versions() == {"digits-1": 2, "digits-2": 5}


def test_the_autoscaler_goes_back_with_the_requests() -> None:
    scene = serving(spec=AUTOSCALED)
    scene.point("digits-2")
    scene.rest()
    lose(scene, "digits-2")
    scene.rest()
    assert target(scene) == scene.status["stable"]["deployment"]
    assert scene.versions() == {"digits-1": 2}
