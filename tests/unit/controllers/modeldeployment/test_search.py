"""A search through what can happen in any order.

Aliases move, time passes, candidates fail in every way, the operator is killed between two
writes or plans from an outdated status.
"""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS, SERVICES
from tests.unit.controllers.modeldeployment.scene import (
    CORRUPT,
    CRASHING,
    LOAD_FAILED,
    NAME,
    NO_IMAGE,
    READY,
    SLOW,
    Scene,
)

SPEC = {
    "replicas": 2,
    "rollout": {
        "steps": [{"weight": 25, "pause": "10s"}, {"weight": 50, "pause": "20s"}],
        "progressDeadline": "1m",
    },
}


def crash(actions: int) -> Callable[[Scene], None]:
    """The operator is killed after so many actions of its plan; its status is not written."""

    def happen(scene: Scene) -> None:
        for action in scene.cluster.plan(scene.controller, NAME).actions[:actions]:
            scene.cluster._act(action)
        scene.timeline.append(scene.behind_traffic())

    return happen


def outdated(age: int) -> Callable[[Scene], None]:
    """The operator plans from a status that is some steps old, as after a restart on a lagging API server.

    Its actions are carried out; the status, written on a condition that does not hold, is not.
    """

    def happen(scene: Scene) -> None:
        fresh = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
        scene.cluster.world.put(scene.history[-min(age, len(scene.history))])
        plan = scene.cluster.plan(scene.controller, NAME)
        scene.cluster.world.put(fresh)
        for action in plan.actions:
            scene.cluster._act(action)
            scene.timeline.append(scene.behind_traffic())

    return happen


def happen(name: str, *arguments: Any) -> Callable[[Scene], None]:
    return lambda scene: getattr(scene, name)(*arguments)


def forget(scene: Scene) -> None:
    """Somebody deletes the candidate's Deployment by hand."""
    candidate = scene.status.get("candidate")
    for deployment in scene.cluster.world.all(DEPLOYMENTS):
        if candidate is not None and deployment["metadata"]["name"] == candidate["deployment"]:
            scene.cluster.world.remove(deployment)


EVENTS = st.one_of(
    st.just(happen("step")),
    st.just(happen("step")),
    st.just(happen("kubelet")),
    st.just(happen("answer")),
    st.integers(0, 3).map(crash),
    st.integers(1, 8).map(outdated),
    st.sampled_from(["digits-1", "digits-2", "digits-3"]).map(lambda version: happen("point", version)),
    st.sampled_from([1, 5, 15, 70]).map(lambda seconds: happen("wait", seconds)),
    st.just(forget),
)

BAD = st.sampled_from([READY, READY, LOAD_FAILED, CRASHING, CORRUPT, NO_IMAGE, SLOW])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(second=BAD, third=BAD, wrong=st.booleans(), events=st.lists(EVENTS, max_size=40), last=st.integers(1, 3))
def test_whatever_happens_requests_are_answered_and_it_comes_to_rest(
    second: str, third: str, wrong: bool, events: list[Callable[[Scene], None]], last: int
) -> None:
    behaviour = {"digits-2": second, "digits-3": third}
    scene = Scene(spec=SPEC, behaviour=behaviour, checks={"digits-3": {"mismatches": 1}} if wrong else {})
    scene.rest()
    scene.timeline.clear()

    for event in events:
        event(scene)

    target = f"digits-{last}"
    serving = scene.status["stable"]["version"]
    scene.point(target)
    scene.roll(seconds=400)

    assert min(scene.timeline) >= 2  # all the replicas of the version that serves, at every moment
    good = behaviour.get(target, READY) == READY and not (wrong and last == 3)
    assert scene.versions() == {target if good else serving: 2}
    assert scene.served() == set(scene.versions())
    assert scene.pinned()
    assert "candidate" not in scene.status
    assert ("stopped" in scene.status) != good
    assert scene.condition("Ready") == ("True", "Serving" if good else "CandidateStopped")
    assert [entry["metadata"]["name"] for entry in scene.cluster.world.all(SERVICES)] == [NAME]
    assert all("conditions" in (job.get("status") or {}) for job in scene.cluster.world.all(JOBS))
    plan = scene.cluster.plan(scene.controller, NAME)
    assert (plan.actions, plan.status, plan.events) == ((), scene.status, ())
