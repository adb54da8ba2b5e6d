# SPDX-License-Identifier: Apache-2.0
"""An autoscaled ModelDeployment: the count is the autoscaler's, from version to version."""

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, MODELS, POD_DISRUPTION_BUDGETS
from mlops_operator.runtime.work.plan import Apply
from tests.unit.controllers.modeldeployment.scene import NAME, Scene

BEHAVIOR = {"scaleDown": {"stabilizationWindowSeconds": 60}}
SPEC: Manifest = {
    "replicas": None,
    "autoscaling": {"minReplicas": 2, "maxReplicas": 6, "behavior": BEHAVIOR},
    "resources": {"requests": {"cpu": "100m"}},
    "rollout": {"steps": [{"weight": 50, "pause": "30s"}]},
}


def autoscaled(count: int = 4) -> Scene:
    """A scene in which digits-1 serves and the autoscaler has asked for `count` replicas."""
    scene = Scene(spec=SPEC)
    scene.rest()
    scale(scene, count)
    scene.rest()
    return scene


def scale(scene: Scene, count: int) -> None:
    """What the autoscaler does to the Deployment it targets."""
    target = scene.cluster.only(HORIZONTAL_POD_AUTOSCALERS)["spec"]["scaleTargetRef"]["name"]
    deployment = scene.cluster.get(DEPLOYMENTS, target)
    deployment["spec"]["replicas"] = count
    deployment["metadata"]["generation"] += 1
    scene.cluster.store(deployment)


def test_it_begins_with_the_least_and_passes_behavior_on() -> None:
    scene = Scene(spec=SPEC)
    scene.rest()
    assert scene.versions() == {"digits-1": 2}
    spec = scene.cluster.only(HORIZONTAL_POD_AUTOSCALERS)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"], spec["behavior"]) == (2, 6, BEHAVIOR)
    assert spec["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}
    assert len(scene.cluster.world.all(POD_DISRUPTION_BUDGETS)) == 1


def test_its_count_is_left_alone() -> None:
    scene = autoscaled(4)
    assert scene.versions() == {"digits-1": 4}
    scene.edit(rollout={"progressDeadline": "5m"})
    scene.rest()
    assert scene.versions() == {"digits-1": 4}


def test_a_template_is_repaired_with_the_autoscalers_count_on_condition_that_it_is_still_that() -> None:
    scene = autoscaled(4)
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else:1"
    scene.cluster.store(deployment)
    (action,) = scene.cluster.plan(scene.controller, NAME).actions
    assert isinstance(action, Apply)
    assert action.manifest["spec"]["replicas"] == 4
    assert action.manifest["metadata"]["resourceVersion"] == deployment["metadata"]["resourceVersion"]


def test_the_next_version_gets_the_count_of_the_former_and_the_autoscaler_follows_it() -> None:
    scene = autoscaled(4)
    scene.timeline.clear()
    scene.point("digits-2")
    scene.roll()
    assert scene.versions() == {"digits-2": 4}
    assert min(scene.timeline) == 4
    target = scene.cluster.only(HORIZONTAL_POD_AUTOSCALERS)["spec"]["scaleTargetRef"]["name"]
    assert target == scene.status["stable"]["deployment"]


def test_a_candidate_does_not_follow_the_stable_version_down_while_it_takes_over_its_load() -> None:
    scene = autoscaled(4)
    scene.point("digits-2")
    scene.rest()
    assert scene.versions() == {"digits-1": 4, "digits-2": 4}
    scale(scene, 2)
    scene.rest()
    assert scene.versions() == {"digits-1": 2, "digits-2": 4}
    scene.roll()
    assert scene.versions() == {"digits-2": 4}


def test_other_bounds_hold_at_once() -> None:
    scene = autoscaled(6)
    scene.edit(autoscaling={"maxReplicas": 3})
    scene.rest()
    assert scene.versions() == {"digits-1": 3}


def test_without_autoscaling_the_autoscaler_goes_and_the_declared_count_holds() -> None:
    scene = autoscaled(4)
    scene.edit(autoscaling=None, replicas=1)
    scene.rest()
    assert scene.cluster.world.all(HORIZONTAL_POD_AUTOSCALERS) == []
    assert scene.cluster.world.all(POD_DISRUPTION_BUDGETS) == []
    assert scene.versions() == {"digits-1": 1}


def test_a_field_that_is_taken_out_of_the_spec_makes_the_autoscaler_be_applied_again() -> None:
    scene = autoscaled()
    scene.edit(autoscaling={"behavior": None})
    scene.rest()
    assert "behavior" not in scene.cluster.only(HORIZONTAL_POD_AUTOSCALERS)["spec"]


def test_a_refused_autoscaler_is_not_asked_for_again_until_the_spec_changes() -> None:
    scene = Scene(spec=SPEC)
    scene.cluster.refuse["HorizontalPodAutoscaler"] = (422, "Invalid", "spec.metrics[0].type: Unsupported value")
    scene.rest()
    assert scene.condition("Ready") == ("True", "InvalidAutoscaling")
    assert scene.condition("Stalled") == ("True", "InvalidAutoscaling")
    assert "Unsupported value" in scene.message()
    assert scene.cluster.plan(scene.controller, NAME).actions == ()
    del scene.cluster.refuse["HorizontalPodAutoscaler"]
    scene.edit(autoscaling={"maxReplicas": 5})
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_refused_autoscaler_and_a_missing_model_do_not_take_turns() -> None:
    scene = Scene(spec=SPEC)
    scene.cluster.refuse["HorizontalPodAutoscaler"] = (422, "Invalid", "no")
    scene.rest()
    scene.cluster.world.remove(scene.cluster.only(MODELS))
    scene.rest()
    assert scene.condition("Stalled") == ("True", "InvalidAutoscaling")
