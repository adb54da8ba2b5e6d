# SPDX-License-Identifier: Apache-2.0
"""A search through what can happen in any order.

Aliases move, time passes, candidates fail in every way, the operator is killed between two
writes or plans from an outdated status.
"""

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
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


Event = tuple[str, Any]

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.just(("step", None)),
    st.just(("step", None)),
    st.just(("kubelet", None)),
    st.just(("answer", None)),
    st.tuples(st.just("crash"), st.integers(0, 3)),
    st.tuples(st.just("outdated"), st.integers(1, 8)),
    st.tuples(st.just("point"), st.sampled_from(["digits-1", "digits-2", "digits-3"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 5, 15, 70])),
    st.just(("forget", None)),
)


def happen(scene: Scene, event: Event) -> None:
    match event:
        case ("step" | "kubelet" | "answer" as name, _):
            getattr(scene, name)()
        case ("point", version):
            scene.point(version)
        case ("wait", seconds):
            scene.wait(seconds)
        case ("crash", actions):
            crash(scene, actions)
        case ("outdated", age):
            outdated(scene, age)
        case ("forget", _):
            forget(scene)


def crash(scene: Scene, actions: int) -> None:
    """The operator is killed after so many actions of its plan; its status is not written."""
    for action in scene.cluster.plan(scene.controller, NAME).actions[:actions]:
        scene.cluster._act(action)
        scene.timeline.append(scene.behind_traffic())


def outdated(scene: Scene, age: int) -> None:
    """The operator plans from a status that is some steps old, as after a restart on a lagging API server.

    Its actions are carried out; the status, written on a condition that does not hold, is not.
    """
    fresh = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.cluster.world.put(scene.history[-min(age, len(scene.history))])
    plan = scene.cluster.plan(scene.controller, NAME)
    scene.cluster.world.put(fresh)
    for action in plan.actions:
        scene.cluster._act(action)
        scene.timeline.append(scene.behind_traffic())


def forget(scene: Scene) -> None:
    """Somebody deletes the candidate's Deployment by hand."""
    candidate = scene.status.get("candidate")
    for deployment in scene.cluster.world.all(DEPLOYMENTS):
        if candidate is not None and deployment["metadata"]["name"] == candidate["deployment"]:
            scene.cluster.world.remove(deployment)


BAD = st.sampled_from([READY, READY, LOAD_FAILED, CRASHING, CORRUPT, NO_IMAGE, SLOW])


# Not shrunk: with a toy cluster in every example that takes longer than reading one.
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(second=BAD, third=BAD, wrong=st.booleans(), events=st.lists(EVENTS, max_size=40), last=st.integers(1, 3))
def test_whatever_happens_requests_are_answered_and_it_comes_to_rest(
    second: str, third: str, wrong: bool, events: list[Event], last: int
) -> None:
    behaviour = {"digits-2": second, "digits-3": third}
    scene = Scene(spec=SPEC, behaviour=behaviour, checks={"digits-3": {"mismatches": 1}} if wrong else {})
    scene.rest()
    scene.timeline.clear()

    for event in events:
        happen(scene, event)

    target = f"digits-{last}"
    serving = scene.status["stable"]["version"]
    scene.point(target)
    scene.roll(seconds=400)

    assert min(scene.timeline) >= 2  # all the replicas of the version that serves, at every moment
    # A candidate that nobody ran for longer than its deadline was stopped rightly, however good it is.
    late = scene.status.get("stopped", {}).get("reason") == "ProgressDeadlineExceeded"
    good = behaviour.get(target, READY) == READY and not (wrong and last == 3) and not late
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
