# SPDX-License-Identifier: Apache-2.0
"""What the plan goes by so closely that it is looked at again before anything is done."""

from mlops_operator.kube.resources import DEPLOYMENTS, MODELS, SERVICES
from mlops_operator.runtime.work.plan import Delete, Plan
from tests.unit.controllers.modeldeployment.scene import LOAD_FAILED, NAME, Scene, serving


def look(scene: Scene) -> Plan:
    """The plan for the ModelDeployment as it is."""
    return scene.cluster.plan(scene.controller, NAME)


def depends_on(plan: Plan) -> list[str]:
    return [f"{resource.plural}/{obj['metadata']['name']}" for resource, obj in plan.depends_on]


def test_a_first_version_follows_from_its_object_alone() -> None:
    plan = look(Scene())
    assert plan.actions
    assert depends_on(plan) == []


def test_another_version_follows_from_the_alias() -> None:
    scene = serving()
    assert depends_on(look(scene)) == []
    scene.point("digits-2")
    assert depends_on(look(scene)) == [f"{MODELS.plural}/{NAME}"]


def test_a_version_on_its_way_goes_on_without_a_look_and_is_taken_back_after_one() -> None:
    scene = serving()
    scene.point("digits-2")
    scene.step()
    assert scene.status["candidate"]["version"] == "digits-2"
    assert depends_on(look(scene)) == []
    scene.point("digits-1")
    assert depends_on(look(scene)) == [f"{MODELS.plural}/{NAME}"]


def test_a_version_that_was_stopped_and_is_asked_for_still_takes_no_look() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["version"] == "digits-2"
    assert depends_on(look(scene)) == []


def test_a_version_that_was_stopped_is_forgotten_after_a_look_at_the_alias() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    scene.point("digits-1")
    plan = look(scene)
    assert plan.status is not None
    assert "stopped" not in plan.status
    assert depends_on(plan) == [f"{MODELS.plural}/{NAME}"]


def test_servers_are_taken_away_after_a_look_at_the_alias() -> None:
    scene = serving()
    scene.point("digits-2")
    for _ in range(50):
        plan = look(scene)
        if any(isinstance(action, Delete) and action.resource == DEPLOYMENTS for action in plan.actions):
            assert depends_on(plan) == [f"{MODELS.plural}/{NAME}"]
            return
        scene.wait(1)
        scene.step()
        scene.kubelet()
        scene.answer()
    raise AssertionError("no Deployment was to be deleted")


def test_a_service_of_a_candidate_is_taken_away_without_a_look() -> None:
    scene = Scene()
    for _ in range(50):
        plan = look(scene)
        if any(isinstance(action, Delete) for action in plan.actions):
            assert {action.resource for action in plan.actions if isinstance(action, Delete)} == {SERVICES}
            assert depends_on(plan) == []
            return
        scene.step()
        scene.kubelet()
        scene.answer()
    raise AssertionError("no Service was to be deleted")
