# SPDX-License-Identifier: Apache-2.0
"""A search through what can happen in any order while a new revision fails in its bake.

The events of `test_search`, and in a bake the loss of all pods of the revision that took over.
"""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.controllers.modeldeployment.scene import READY, SLOW, Scene
from tests.unit.controllers.modeldeployment.test_search import EVENTS, SPEC, Event, happen

BAKED = {**SPEC, "rollout": {**SPEC["rollout"], "bake": "40s"}}  # type: ignore[dict-item]

VERSIONS = st.sampled_from(["digits-1", "digits-2", "digits-3"])

WITH_LOSSES: st.SearchStrategy[Event] = st.one_of(
    EVENTS,
    EVENTS,
    st.just(("lose", None)),
    st.just(("mend", None)),
    st.tuples(st.just("roll out"), VERSIONS),
)


def happen_or_fail(scene: Scene, event: Event) -> None:
    match event:
        case ("lose", _):
            lose(scene)
        case ("mend", _):
            scene.behaviour.clear()
            scene.kubelet()
        case ("roll out", version):
            scene.point(version)
            scene.roll(seconds=35)  # to the hand-over, where the version is a good one and nothing else is going on
        case _:
            happen(scene, event)


def lose(scene: Scene) -> None:
    """The node of the new revision fails while the former one is whole, and the operator makes its next plan."""
    former, version = scene.status.get("former"), scene.status["stable"]["version"]
    if former is None or scene.behaviour.get(former["version"], READY) != READY or former["version"] == version:
        return
    scene.kubelet()
    scene.behaviour[version] = SLOW
    scene.kubelet()
    scene.step()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
@given(events=st.lists(WITH_LOSSES, max_size=40), last=st.integers(1, 3))
def test_whatever_happens_the_former_revision_serves_where_the_new_one_fails(events: list[Event], last: int) -> None:
    scene = Scene(spec=BAKED)
    scene.rest()
    happen_or_fail(scene, ("roll out", "digits-2"))
    assert "former" in scene.status
    scene.timeline.clear()

    for event in events:
        happen_or_fail(scene, event)

    scene.behaviour.clear()
    scene.point(f"digits-{last}")
    scene.roll(seconds=4000)

    assert min(scene.timeline) >= 2  # all the replicas of a version that serves, after every plan
    late = scene.status.get("stopped", {}).get("reason") == "ProgressDeadlineExceeded"
    assert late or scene.versions() == {f"digits-{last}": 2}
    assert scene.served() == set(scene.versions())
    assert scene.pinned()
    assert "candidate" not in scene.status
    assert "former" not in scene.status
    plan = scene.cluster.plan(scene.controller, "digits")
    assert (plan.actions, plan.status, plan.events) == ((), scene.status, ())
