# SPDX-License-Identifier: Apache-2.0
"""The removal of files of runs that made no version, step by step, and never what an object names."""

import copy
from typing import Final

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.work.plan import ObjectsIn
from tests.unit.controllers.builders import NAMESPACE, later, make
from tests.unit.controllers.retention.scene import DAY, POLICY, Scene, folder, version, wasted

HOUR, MINUTE = 3600, 60
SETTLED = HOUR + 2 * MINUTE
FIRST: Final = f"{folder('a')}/0"


def scene_of(*objects: Manifest, **policy: object) -> Scene:
    return Scene(*objects, count=0, policy={**POLICY, **policy})


def started(*objects: Manifest) -> Scene:
    """The removal of the files of the oldest run has started, and its Job is at work."""
    scene = scene_of(*(objects or (wasted("a"),))).at(0).at(HOUR).at(SETTLED)
    assert len(scene.jobs) == 1
    return scene


def removed_folders(scene: Scene, name: str = "train-a") -> list[str]:
    found: list[str] = scene.cluster.get(TRAINING_JOBS, name)["status"].get("removedFolders", [])
    return found


def test_a_dry_run_lists_and_removes_nothing() -> None:
    scene = scene_of(wasted("a"), wasted("b", age=50 * DAY), wasted("c", age=3 * DAY), mode="DryRun").at(0)
    assert (scene.runs["listed"], scene.folders("folders")) == (2, [folder("b"), folder("a")])
    assert scene.runs["folders"][1] == {
        "trainingJob": "train-a",
        "trainingJobUid": "uid-of-train-a",
        "folder": folder("a"),
        "since": "2026-01-01T12:00:00Z",
    }
    scene.at(100 * HOUR)
    assert (scene.events.count("RetentionListed"), scene.jobs, removed_folders(scene)) == (1, [], [])


@pytest.mark.parametrize(("seconds", "marked"), [(HOUR - 1, []), (HOUR, [folder("a")])])
def test_a_run_is_marked_when_the_list_has_shown_it_for_the_grace(seconds: int, marked: list[str]) -> None:
    scene = scene_of(wasted("a")).at(0).at(seconds)
    assert scene.folders("removals") == marked
    assert scene.jobs == []
    assert removed_folders(scene) == []


@pytest.mark.parametrize(("seconds", "jobs"), [(MINUTE - 1, 0), (MINUTE, 1)])
def test_files_go_only_when_the_uses_were_read_a_minute_later(seconds: int, jobs: int) -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR).at(HOUR + seconds)
    assert len(scene.jobs) == jobs
    assert removed_folders(scene) == [folder("a")] * jobs


def test_the_record_is_written_before_the_job_is_made() -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    scene.cluster.now = later(SETTLED)
    scene.cluster.settle(scene.controllers[MODELS], "digits")
    assert scene.runs["removals"][0]["startedAt"]
    assert scene.jobs == []
    scene.cluster.settle(scene.controllers[TRAINING_JOBS], "train-a")
    assert removed_folders(scene) == [folder("a")]
    scene.cluster.settle(scene.controllers[MODELS], "digits")
    assert len(scene.jobs) == 1


def test_the_model_looks_again_when_a_folder_is_recorded() -> None:
    scene = scene_of(wasted("a"))
    (watch,) = (watch for watch in scene.controllers[MODELS].watches if watch.resource == TRAINING_JOBS)
    assert watch.between is not None
    before, after = wasted("a"), wasted("a", removedFolders=[folder("a")])
    assert set(watch.between(before, after, scene.cluster.world)) == {Key(NAMESPACE, "digits")}
    assert [*watch.between(before, before, scene.cluster.world), *watch.keys(after, scene.cluster.world)] == []


def test_the_job_sees_the_folder_alone() -> None:
    (job,) = started().jobs
    pod = job["spec"]["template"]["spec"]
    (check,), (main,) = pod["initContainers"], pod["containers"]
    mounts = [entry for entry in main["volumeMounts"] if entry["name"].startswith("pvc-")]
    assert [entry["subPath"] for entry in mounts] == [folder("a").removeprefix("pvc://mlops-artifacts/")]
    assert (check["args"], main["args"]) == (["--check", folder("a")], [folder("a")])


def test_removals_run_one_after_the_other_to_their_end() -> None:
    scene = started(wasted("a"), wasted("b", age=41 * DAY)).job_ends(size=500)
    assert len(scene.jobs) == 1
    scene.job_ends(size=100)
    assert (scene.runs["removed"], scene.retention["removedSize"]) == (2, 600)
    assert scene.folders("lastRemoved") == [folder("a"), folder("b")]
    assert scene.events.count("RunRemoved") == 2
    scene.at(100 * HOUR)
    assert (scene.folders("folders"), scene.folders("removals"), scene.jobs) == ([], [], [])
    assert removed_folders(scene) == [folder("a")]


def test_attempts_of_a_training_with_a_version_go_alone() -> None:
    training = wasted("v1", "Failed", "Disrupted", "Succeeded", phase="Succeeded", artifacts=None)
    kept = version("v1", age=3 * DAY)
    kept["spec"]["artifact"]["uri"] = f"{folder('v1')}/2/model.joblib"
    scene = scene_of(training, kept, keepVersions=5).at(0).at(HOUR).at(SETTLED).job_ends().job_ends()
    assert removed_folders(scene, "train-v1") == [f"{folder('v1')}/0", f"{folder('v1')}/1"]
    assert (scene.runs["removed"], scene.reason("v1")) == (2, "Verified")


def test_attempts_that_went_with_their_version_are_not_listed() -> None:
    training = wasted("v1", "Failed", "Succeeded", phase="Succeeded", artifacts=None)
    old = version("v1", age=9 * DAY)
    old["spec"]["artifact"]["uri"] = f"{folder('v1')}/1/model.joblib"
    scene = scene_of(training, old, keepVersions=0, keepRunsFor="2400h").at(0).at(HOUR).at(SETTLED).job_ends()
    assert scene.reason("v1") == "ArtifactRemoved"
    scene.edit(keepRunsFor="0s").at(SETTLED + HOUR)
    assert (scene.folders("folders"), scene.folders("removals")) == ([], [])


# -- what is kept --------------------------------------------------------------------------


def registered(uri: str, **changes: object) -> Manifest:
    """A ModelVersion of a registrar, with the lineage of the run, that claims what is at `uri`."""
    claim = version(
        "claim", age=DAY, on_record=False, lineage={"trainingJob": {"name": "train-a", "uid": "uid-of-train-a"}}
    )
    claim["spec"]["artifact"]["uri"] = uri
    claim["spec"].update(changes)
    return claim


DATA: Final = [{"name": "d", "uri": f"{FIRST}/checkpoint"}]
USERS: dict[str, Manifest] = {
    "a training that resumes it": make(TRAINING_JOBS, "user", spec={"data": DATA}, status={"phase": "Running"}),
    "a training that has not begun": make(TRAINING_JOBS, "user", spec={"data": DATA}),
    "an evaluation of its files": make(EVALUATIONS, "user", spec={"data": DATA}, status={"phase": "Pending"}),
    "slashes": make(EVALUATIONS, "user", spec={"uri": f"{folder('a')}//0///x"}),
    "the folder": make(EVALUATIONS, "user", spec={"uri": folder("a")}),
    "a deployment's environment": make(MODEL_DEPLOYMENTS, "user", spec={"env": [{"value": FIRST}]}),
    "a template of a policy": make(RETRAIN_POLICIES, "user", spec={"template": {"spec": {"data": DATA}}}),
    "a gate": make(MODELS, "user", spec={"aliases": [{"gate": {"data": DATA}}]}),
    "its artifact": registered(f"{FIRST}/model.joblib"),
    "its folder as an artifact": registered(folder("a")),
    "its golden requests": registered("pvc://x/m", goldenRequests={"uri": f"{FIRST}/golden.json"}),
    "its list of packages": registered("pvc://x/m", lineage={"environment": {"uri": f"{FIRST}/environment.json"}}),
    "a version of another model": registered(f"{FIRST}/model.joblib", model="other"),
}


@pytest.mark.parametrize("attempt", [False, True], ids=["failed", "attempt"])
@pytest.mark.parametrize("use", USERS)
def test_what_an_object_names_is_kept(use: str, attempt: bool) -> None:
    training = wasted("a", "Failed", "Succeeded", phase="Succeeded", artifacts=None) if attempt else wasted("a")
    scene = scene_of(training, copy.deepcopy(USERS[use])).at(0).at(100 * HOUR)
    (kept,) = scene.runs["keptFolders"]
    assert kept["folder"] == (FIRST if attempt else folder("a"))
    assert (kept["reason"], kept["message"].split(" ")[1]) in [("InUse", "user"), ("SharedFiles", "claim")]
    assert (scene.folders("folders"), scene.jobs) == ([], [])


@pytest.mark.parametrize("use", USERS)
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen by the watch"])
def test_a_use_that_begins_after_the_mark_withdraws_it(use: str, seen: bool) -> None:
    user = copy.deepcopy(USERS[use])
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    assert scene.folders("removals") == [folder("a")]
    if seen:
        scene.put(user)
    else:
        resources = (TRAINING_JOBS, EVALUATIONS, MODEL_DEPLOYMENTS, RETRAIN_POLICIES, MODELS, MODEL_VERSIONS)
        resource = next(entry for entry in resources if entry.kind == user["kind"])
        read = ObjectsIn(resource=resource, namespace=NAMESPACE)
        scene.cluster.found[read] = [*scene.cluster.world.all(resource), user]
    scene.at(SETTLED)
    assert (scene.folders("removals"), scene.jobs, removed_folders(scene)) == ([], [], [])
    assert "RemovalWithdrawn" in scene.events


def test_the_name_of_a_run_is_no_use_of_its_files() -> None:
    policy = make(RETRAIN_POLICIES, "p", spec={}, status={"decisions": [{"trainingJob": "train-a"}]})
    assert scene_of(wasted("a"), policy).at(0).folders("folders") == [folder("a")]


def test_a_version_of_another_attempt_is_no_use() -> None:
    training = wasted("a", "Failed", "Succeeded", phase="Succeeded", artifacts=None)
    assert scene_of(training, registered(f"{folder('a')}/1/m")).at(0).folders("folders") == [FIRST]


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ({"active": 1}, True),
        ({}, True),
        ({"conditions": [{"type": "Suspended", "status": "True"}], "terminating": 1}, True),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, False),
        ({"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}]}, False),
    ],
    ids=str,
)
def test_a_run_whose_pods_may_run_is_kept(status: Manifest, kept: bool) -> None:
    training = wasted("a", age=HOUR)
    job = make(JOBS, "train-a-0", spec={}, status=status, owner=training)
    scene = scene_of(training, job, keepRunsFor="0s").at(0)
    assert [entry["reason"] for entry in scene.runs.get("keptFolders", ())] == ["Running"] * kept
    assert scene.folders("folders") == ([] if kept else [folder("a")])


def test_trainings_of_other_models_are_not_looked_at() -> None:
    other = wasted("a")
    other["spec"]["model"] = "other"
    none = wasted("b")
    del none["spec"]["model"]
    assert "runs" not in scene_of(other, none).at(0).retention


# -- what happens beside it ----------------------------------------------------------------


@pytest.mark.parametrize("policy", [{"mode": "DryRun"}, {"keepRunsFor": "2400h"}], ids=str)
def test_a_policy_that_is_relaxed_withdraws_marks(policy: Manifest) -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR).edit(**policy).at(SETTLED)
    assert (scene.folders("removals"), scene.jobs, removed_folders(scene)) == ([], [], [])


def test_a_policy_that_is_taken_away_withdraws_marks_and_ends_what_has_started() -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    scene.cluster.edit(MODELS, "digits", retention=None)
    assert scene.at(SETTLED).retention == {}
    scene = started()
    scene.cluster.edit(MODELS, "digits", retention=None)
    assert scene.settle().folders("removals") == [folder("a")]
    assert scene.job_ends().retention == {}


def test_a_marked_run_whose_training_is_deleted_is_on_no_record() -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    scene.cluster.world.remove(scene.cluster.get(TRAINING_JOBS, "train-a"))
    scene.at(SETTLED)
    assert (scene.folders("removals"), scene.jobs) == ([], [])


def test_a_training_that_is_deleted_while_its_files_go_does_not_stop_it() -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    scene.cluster.now = later(SETTLED)
    scene.cluster.settle(scene.controllers[MODELS], "digits")
    scene.cluster.world.remove(scene.cluster.get(TRAINING_JOBS, "train-a"))
    plan = scene.cluster.plan(scene.controllers[MODELS], "digits")
    assert [(resource, key.name) for resource, key in plan.confirm_absent] == [(TRAINING_JOBS, "train-a")]
    assert scene.settle().job_ends().runs["removed"] == 1


def test_another_training_of_the_name_has_another_folder() -> None:
    scene = scene_of(wasted("a")).at(0).at(HOUR)
    scene.cluster.world.remove(scene.cluster.get(TRAINING_JOBS, "train-a"))
    again = wasted("a")
    again["metadata"]["uid"] = "another"
    scene.put(again).at(SETTLED)
    assert (scene.folders("removals"), scene.jobs, removed_folders(scene)) == ([], [], [])


def test_a_training_whose_spec_cannot_be_read_records_it_too() -> None:
    training = wasted("a")
    training["spec"]["replicas"] = "two"
    assert removed_folders(started(training)) == [folder("a")]


def test_a_version_registered_while_the_files_go_is_not_verified() -> None:
    scene = started()
    late = registered(f"{FIRST}/model.joblib")
    late["status"] = {"observedGeneration": -1}
    assert scene.put(late).settle().reason("claim") == "ArtifactRemoved"


def test_a_removal_that_fails_lets_the_others_go_first() -> None:
    old = version("v1", age=9 * DAY)
    scene = Scene(old, wasted("a"), count=0, policy={**POLICY, "keepVersions": 0}).at(0).at(HOUR).at(SETTLED)
    scene.job_ends(fails="ArtifactUnreachable")
    assert scene.retention["waiting"]["message"].startswith("v1: ArtifactUnreachable")
    assert [job["metadata"]["name"].split("-")[-3] for job in scene.jobs] == ["remove"]
    scene.job_ends(fails="ArtifactUnreachable")
    assert scene.retention["waiting"]["message"].startswith(f"{folder('a')}: ArtifactUnreachable")
    assert scene.jobs == []
    scene.at(SETTLED + 300).job_ends().job_ends()
    assert (scene.removed, scene.folders("lastRemoved"), "waiting" in scene.retention) == (["v1"], [folder("a")], False)


PATH: Final[tuple[Resource | int, ...]] = (MODELS, MODELS, HOUR, MODELS, MINUTE, MODELS, TRAINING_JOBS, MODELS, MODELS)
"""From the list to the Job: plans of the controllers, and the seconds that pass between them."""


@pytest.mark.parametrize("use", ["a training that has not begun", "its artifact", "a gate"])
def test_whenever_a_use_begins_it_is_kept_or_its_files_were_given_up(use: str) -> None:
    ends = set()
    for position in range(len(PATH)):
        scene, time = scene_of(wasted("a")), 0
        for index, step in enumerate(PATH):
            if index == position:
                gone = bool(scene.runs.get("removals") and scene.runs["removals"][0].get("startedAt"))
                scene.put(copy.deepcopy(USERS[use]))
            if isinstance(step, int):
                time += step
                scene.cluster.now = later(time)
            else:
                scene.cluster.step(scene.controllers[step], "digits" if step == MODELS else "train-a")
            assert not scene.jobs or removed_folders(scene) == [folder("a")]
        scene.at(time + 3 * HOUR)
        assert bool(scene.jobs) is gone, f"before step {position}"
        ends.add(gone)
    assert ends == {True, False}


@pytest.mark.parametrize("count", [20, 21])
def test_at_most_twenty_are_shown_and_marked(count: int) -> None:
    scene = scene_of(*(wasted(f"r{index:02}") for index in range(count))).at(0)
    assert (scene.runs["listed"], len(scene.folders("folders"))) == (count, 20)
    scene.at(HOUR)
    assert (len(scene.folders("removals")), len(scene.folders("folders"))) == (20, count - 20)
    assert scene.runs.get("listed", 0) == count - 20
