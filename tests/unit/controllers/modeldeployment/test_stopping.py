# SPDX-License-Identifier: Apache-2.0
"""How a candidate is stopped, and what serves meanwhile."""

import pytest

from mlops_operator.kube.resources import PODS
from tests.unit.controllers.modeldeployment.scene import (
    CORRUPT,
    CRASHING,
    LOAD_FAILED,
    MISSING,
    NO_IMAGE,
    READY,
    SLOW,
    STEPS,
    UNSCHEDULABLE,
    phase,
    serving,
)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (LOAD_FAILED, "ModelLoadFailed"),
        (CRASHING, "ServerCrashed"),
        (CORRUPT, "ArtifactCorrupt"),
    ],
)
def test_a_candidate_beyond_hope_is_stopped_at_once_and_the_stable_version_serves_on(how: str, reason: str) -> None:
    scene = serving(behaviour={"digits-2": how})
    scene.timeline.clear()
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["reason"] == reason
    assert scene.status["stopped"]["version"] == "digits-2"
    assert scene.status["phase"] == "Degraded"
    assert scene.condition("Ready") == ("True", "CandidateStopped")
    assert scene.condition("Stalled") == ("True", "CandidateStopped")
    assert scene.condition("Degraded") == ("True", "CandidateStopped")
    assert scene.condition("Progressing") == ("False", "CandidateStopped")
    assert scene.versions() == {"digits-1": 2}
    assert scene.served() == {"digits-1"}
    assert min(scene.timeline) == 2


@pytest.mark.parametrize(
    ("how", "reason"),
    [(NO_IMAGE, "ImageUnavailable"), (UNSCHEDULABLE, "Unschedulable"), (MISSING, "ArtifactNotFound"), (SLOW, None)],
)
def test_a_candidate_that_may_still_come_is_stopped_at_its_deadline(how: str, reason: str | None) -> None:
    scene = serving(behaviour={"digits-2": how}, spec={"rollout": {"progressDeadline": "2m"}})
    scene.point("digits-2")
    scene.rest()
    assert phase(scene) == "Starting"
    assert scene.status.get("waiting", {}).get("reason") == reason
    scene.wait(119)
    scene.rest()
    assert phase(scene) == "Starting"
    scene.wait(1)
    scene.rest()
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert (reason or "starting") in scene.status["stopped"]["message"]
    assert "waiting" not in scene.status
    assert scene.versions() == {"digits-1": 2}


def test_an_image_that_appears_in_time_mends_the_candidate() -> None:
    scene = serving(behaviour={"digits-2": NO_IMAGE})
    scene.point("digits-2")
    scene.rest()
    scene.wait(100)
    scene.behaviour["digits-2"] = READY
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"


@pytest.mark.parametrize("found", [{"mismatches": 1}, {"errors": 1}, {"slow": 1}])
def test_wrong_missing_or_slow_answers_stop_a_candidate(found: dict[str, int]) -> None:
    scene = serving(checks={"digits-2": found})
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["reason"] == "GoldenRequestsFailed"
    assert scene.served() == {"digits-1"}
    assert scene.versions() == {"digits-1": 2}
    assert "digits-2" not in {write.split()[-1] for write in scene.cluster.writes if write.startswith("apply")}


def test_a_stopped_candidate_is_not_tried_again() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    before = len(scene.cluster.writes)
    scene.behaviour["digits-2"] = READY
    scene.wait(3600)
    scene.rest()
    scene.edit(replicas=2, rollout={"progressDeadline": "5m"})
    scene.rest()
    made = [write for write in scene.cluster.writes[before:] if "create" in write]
    assert made == []
    assert scene.status["stopped"]["version"] == "digits-2"


def test_a_stopped_candidate_is_tried_again_when_something_else_was_the_target() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    scene.point("digits-1")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("Degraded") == ("False", "NotDegraded")
    assert "stopped" not in scene.status
    scene.behaviour["digits-2"] = READY
    scene.point("digits-2")
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"


def test_a_candidate_that_loses_its_pods_and_never_gets_them_back_is_stopped() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.behaviour["digits-2"] = SLOW
    scene.rest()
    scene.wait(600)
    scene.rest()
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert scene.versions() == {"digits-1": 4}


def test_a_former_life_of_the_pods_does_not_count() -> None:
    scene = serving(behaviour={"digits-2": CRASHING})
    scene.point("digits-2")
    scene.step()
    scene.kubelet()
    crashed = [pod for pod in scene.cluster.world.all(PODS) if pod["status"]["containerStatuses"][0]["restartCount"]]
    scene.rest()
    scene.point("digits-1")
    scene.rest()
    scene.behaviour["digits-2"] = READY
    scene.wait(1)
    scene.point("digits-2")
    scene.step()
    for pod in crashed:  # not collected yet
        scene.cluster.world.put(pod)
    scene.step()
    assert phase(scene) == "Starting"
