# SPDX-License-Identifier: Apache-2.0
"""When the Model looks again, how many removals are at work, and which of two uses is told."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODELS
from tests.unit.controllers.builders import NO_NODE, job_started, later, make, pod_of
from tests.unit.controllers.lost import deleted
from tests.unit.controllers.nodes import unscheduled
from tests.unit.controllers.retention.scene import DAY, POLICY, Scene, folder, version, wasted

HOUR, MINUTE = 3600, 60


def look(scene: Scene) -> float | None:
    """Seconds until the Model is planned again without an event."""
    return scene.cluster.plan(scene.controllers[MODELS], "digits").requeue_after


def of_runs(*objects: Manifest, **policy: object) -> Scene:
    return Scene(*objects, count=0, policy={**POLICY, **policy})


OLD = version("v1", age=9 * DAY)


@pytest.mark.parametrize(
    ("objects", "policy", "seconds"),
    [
        ([], {}, HOUR),
        ([wasted("a", age=30 * DAY - 100)], {}, 100),
        ([wasted("a", age=30 * DAY - 100), wasted("b", age=30 * DAY - 50)], {}, 50),
        ([version("v1", age=DAY - 100)], {}, 100),
        ([wasted("a", age=DAY)], {}, HOUR),
        ([wasted("a")], {"grace": "10m"}, 600),
        ([OLD], {"grace": "10m", "keepVersions": 0}, 600),
        ([wasted("a"), OLD], {"grace": "10m", "keepVersions": 0, "mode": "DryRun"}, HOUR),
        ([wasted("a")], {"grace": "0s"}, MINUTE),
        ([OLD], {"grace": "0s", "keepVersions": 0}, MINUTE),
    ],
)
def test_the_next_look_is_when_time_changes_something_and_within_the_hour(
    objects: list[Manifest], policy: Manifest, seconds: int
) -> None:
    assert look(of_runs(*objects, **policy).at(0)) == seconds


def test_a_removal_that_has_started_is_not_looked_at_for_its_time() -> None:
    scene = of_runs(wasted("a")).at(0).at(HOUR).at(HOUR + 2 * MINUTE).at(HOUR + 10 * MINUTE)
    assert (look(scene) or 0.0) > 1.0


def test_each_removal_waits_for_its_own_time() -> None:
    scene = of_runs(wasted("a"), wasted("b", age=30 * DAY - 30)).at(0).at(30).at(HOUR).at(HOUR + 30)
    assert scene.folders("removals") == [folder("a"), folder("b")]
    scene.at(HOUR + MINUTE)
    assert [bool(entry.get("startedAt")) for entry in scene.runs["removals"]] == [True, False]
    scene.at(HOUR + MINUTE + 30)
    assert [bool(entry.get("startedAt")) for entry in scene.runs["removals"]] == [True, True]


def test_at_most_twenty_removals_of_a_kind_are_at_work() -> None:
    runs = [wasted(f"r{index:02}") for index in range(25)]
    scene = Scene(*runs, count=26, policy=POLICY).at(0).at(HOUR).at(HOUR + 2 * MINUTE).at(3 * HOUR)
    assert (len(scene.removals), len(scene.listed)) == (20, 5)
    assert (len(scene.folders("removals")), len(scene.folders("folders"))) == (20, 5)


@pytest.mark.parametrize(("name", "message"), [("v1", "alias champion points at it"), ("v3", "Evaluation e names it")])
def test_of_two_uses_the_one_that_lasts_is_told(name: str, message: str) -> None:
    evaluation = make(EVALUATIONS, "e", spec={"candidate": name}, status={"phase": "Pending"})
    scene = Scene(evaluation, count=5).at(0).points_at("v1", "v2", "v3").settle()
    assert scene.kept[name] == message


def test_a_removal_that_failed_is_tried_again_five_minutes_after_its_end() -> None:
    scene = of_runs(wasted("a")).at(0).at(HOUR).at(HOUR + 2 * MINUTE)
    scene.job_reports(fails="ArtifactUnreachable")
    scene.at(HOUR + 3 * MINUTE)
    assert f"tried again at {timestamp(later(HOUR + 7 * MINUTE))}" in scene.retention["waiting"]["message"]


def at_work(*conditions: Manifest) -> Scene:
    """The removal's Job has a pod with these conditions, which is not ready."""
    scene = of_runs(wasted("a")).at(0).at(HOUR).at(HOUR + 2 * MINUTE)
    (job,) = scene.jobs
    scene.cluster.pods[job["metadata"]["name"]] = [pod_of(job, conditions=conditions)]
    scene.cluster.store(job_started(job, at=scene.cluster.now))
    return scene


def test_a_job_that_does_not_start_is_looked_at_soon_and_made_again_with_other_options() -> None:
    scene = at_work(unscheduled(NO_NODE)).at(HOUR + 3 * MINUTE)
    assert scene.retention["waiting"]["reason"] == "Unschedulable"
    assert (look(scene) or HOUR) <= MINUTE
    scene.edit(taskPods={"nodeSelector": {"disk": "ssd"}})
    (job,) = scene.jobs
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
    scene.cluster.store(job_started(job, at=scene.cluster.now, ready=1))
    assert look(scene.settle()) == HOUR


def test_a_job_keeps_that_a_pod_of_it_was_taken_away() -> None:
    taken = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    scene = at_work({**taken, "lastTransitionTime": timestamp(later(HOUR + 2 * MINUTE))})
    (job,) = scene.jobs
    name = job["metadata"]["name"]
    scene.cluster.pods[name] = [deleted(scene.cluster.pods[name][0], later(HOUR + 4 * MINUTE))]
    scene.at(HOUR + 3 * MINUTE)
    assert f"patch Job {name}" in scene.cluster.writes
