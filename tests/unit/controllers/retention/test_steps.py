# SPDX-License-Identifier: Apache-2.0
"""The removal of artifacts, step by step: listed, marked, checked once more, removed, and never what is in use."""

import copy
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.work.plan import Create, ObjectsIn
from tests.unit.controllers.builders import NAMESPACE, make
from tests.unit.controllers.model.driver import promotion
from tests.unit.controllers.retention.scene import POLICY, Scene, folder, version
from tests.unit.controllers.versions import digest_of

HOUR, MINUTE = 3600, 60
SETTLED = HOUR + 2 * MINUTE


def started() -> Scene:
    """The removal of v1 and v2 has started, and the Job of the first is at work."""
    scene = Scene().at(0).at(HOUR).at(SETTLED)
    assert scene.reason("v1") == "ArtifactRemoved"
    return scene


def test_without_a_policy_nothing_is_read_written_or_said() -> None:
    scene = Scene(policy={}).at(0).at(1000 * HOUR)
    assert "retention" not in scene.model["status"]
    assert scene.cluster.reads == []
    assert scene.jobs == []
    assert scene.cluster.plan(scene.controllers[MODELS], "digits").requeue_after is None


def test_a_dry_run_lists_and_removes_nothing() -> None:
    scene = Scene(policy={**POLICY, "mode": "DryRun"}).at(0)
    assert (scene.listed, scene.retention["listed"], scene.retention["listedSize"]) == (["v1", "v2"], 2, 2000)
    assert scene.events.count("RetentionListed") == 1
    scene.at(100 * HOUR)
    assert (scene.removals, scene.jobs, scene.reason("v1")) == ([], [], "Verified")
    assert scene.events.count("RetentionListed") == 1


@pytest.mark.parametrize(("seconds", "marked"), [(HOUR - 1, []), (HOUR, ["v1", "v2"]), (HOUR + 1, ["v1", "v2"])])
def test_a_version_is_marked_when_the_list_has_shown_it_for_the_grace(seconds: int, marked: list[str]) -> None:
    scene = Scene().at(0).at(seconds)
    assert scene.removals == marked
    assert scene.reason("v1") == ("RemovalPending" if marked else "Verified")


def test_what_was_listed_by_a_dry_run_is_marked_at_once() -> None:
    scene = Scene(policy={**POLICY, "mode": "DryRun"}).at(0).at(2 * HOUR).edit(mode="Remove")
    assert scene.removals == ["v1", "v2"]


@pytest.mark.parametrize(("seconds", "jobs"), [(MINUTE - 1, 0), (MINUTE, 1), (MINUTE + 1, 1)])
def test_files_go_only_when_a_version_has_been_out_of_use_for_a_minute(seconds: int, jobs: int) -> None:
    scene = Scene().at(0).at(HOUR).at(HOUR + seconds)
    assert len(scene.jobs) == jobs
    assert scene.reason("v1") == ("ArtifactRemoved" if jobs else "RemovalPending")


def test_removals_run_one_after_the_other_to_their_end() -> None:
    scene = started()
    assert len(scene.jobs) == 1
    scene.job_ends(size=500)
    assert (scene.removed, scene.retention["removed"], scene.retention["removedSize"]) == (["v1"], 1, 500)
    scene.job_ends(size=100)
    assert (scene.removed, scene.removals, scene.retention["removedSize"]) == (["v2", "v1"], [], 600)
    assert scene.jobs == []
    assert scene.events.count("ArtifactRemoved") >= 2
    scene.at(100 * HOUR)
    assert (scene.listed, scene.removals, scene.reason("v1")) == ([], [], "ArtifactRemoved")
    assert scene.cluster.get(MODEL_VERSIONS, "v1")["status"]["phase"] == "Removed"


def test_a_version_is_unusable_for_good_before_its_job_is_made() -> None:
    scene = Scene().at(0).at(HOUR)
    scene.cluster.now = scene.cluster.now.replace(minute=scene.cluster.now.minute + 2)
    scene.cluster.settle(scene.controllers[MODELS], "digits")
    assert scene.retention["removals"][0]["startedAt"]
    assert (scene.reason("v1"), scene.jobs) == ("RemovalPending", [])
    scene.settle()
    assert scene.reason("v1") == "ArtifactRemoved"


def test_the_job_sees_one_folder_and_a_step_before_it_finds_out_about_links() -> None:
    (job,) = started().jobs
    pod = job["spec"]["template"]["spec"]
    (check,), (main,) = pod["initContainers"], pod["containers"]
    path = folder("v1").removeprefix("pvc://mlops-artifacts/")
    mounts = [entry for entry in main["volumeMounts"] if entry["name"].startswith("pvc-")]
    assert [entry["subPath"] for entry in mounts] == [path]
    assert mounts[0]["mountPath"].endswith(path)
    assert "readOnly" not in mounts[0]
    assert all(entry["readOnly"] for entry in check["volumeMounts"] if entry["name"].startswith("pvc-"))
    assert check["args"] == ["--check", folder("v1")]
    assert main["args"] == [folder("v1")]


@pytest.mark.parametrize("reason", ["ArtifactUnreachable", "DataInvalid"])
def test_a_removal_that_fails_is_told_and_tried_again_after_the_others(reason: str) -> None:
    scene = started().job_ends(fails=reason)
    waiting = scene.retention["waiting"]
    assert (waiting["reason"], waiting["message"].startswith(f"v1: {reason}: m; tried again at")) == (
        "RemovalFailed",
        True,
    )
    assert scene.events.count("RemovalFailed") == 1
    assert scene.removals == ["v2", "v1"]
    scene.job_ends()
    assert scene.jobs == []
    scene.at(SETTLED + 299)
    assert scene.jobs == []
    scene.at(SETTLED + 300)
    scene.job_ends()
    assert (scene.removed, "waiting" in scene.retention) == (["v1", "v2"], False)


# -- what is in use ------------------------------------------------------------------------


def named(resource: Resource, phase: str | None = None, **spec: Any) -> Manifest:
    return make(resource, "user", spec=spec, status={"phase": phase} if phase else None)


SERVES = {"version": "v1", "versionUid": "uid-of-v1", "digest": digest_of("v1")}
USERS = {
    "a deployment's version": named(MODEL_DEPLOYMENTS, model={"name": "digits", "version": "v1"}),
    "a stable revision": make(MODEL_DEPLOYMENTS, "user", spec={}, status={"stable": SERVES}),
    "a candidate": make(MODEL_DEPLOYMENTS, "user", spec={}, status={"candidate": SERVES}),
    "a former revision": make(MODEL_DEPLOYMENTS, "user", spec={}, status={"former": SERVES}),
    "the digest alone": make(MODEL_DEPLOYMENTS, "user", spec={}, status={"stable": {"digest": digest_of("v1")}}),
    "an open promotion": named(PROMOTIONS, "Evaluating", model="digits", alias="champion", version="v1"),
    "a new promotion": named(PROMOTIONS, model="digits", alias="champion", version="v1"),
    "the origin of a promotion": make(
        PROMOTIONS, "user", spec={"version": "x"}, status={"phase": "Evaluating", "fromUid": "uid-of-v1"}
    ),
    "an evaluation's candidate": named(EVALUATIONS, "Running", candidate="v1"),
    "an evaluation's baseline": named(EVALUATIONS, "Pending", candidate="x", baseline="v1"),
    "data in the folder": named(TRAINING_JOBS, "Running", data=[{"name": "d", "uri": f"{folder('v1')}/0/rows.csv"}]),
    "data with slashes": named(TRAINING_JOBS, data=[{"name": "d", "uri": f"{folder('v1')}//0///rows.csv"}]),
    "an evaluation's data": named(EVALUATIONS, "Pending", data=[{"name": "d", "uri": f"{folder('v1')}/0/rows.csv"}]),
    "a reference of a monitor": named(MODEL_MONITORS, "Healthy", reference={"version": "v1"}),
    "a window of a monitor": make(MODEL_MONITORS, "user", spec={}, status={"windows": [{"version": "v1"}]}),
    "a decision of a policy": make(RETRAIN_POLICIES, "user", spec={}, status={"decisions": [{"version": "v1"}]}),
    "a gate of another model": named(MODELS, aliases=[{"gate": {"data": [{"uri": f"{folder('v1')}/0/rows.csv"}]}}]),
}
FINAL = {
    "a decided promotion": named(PROMOTIONS, "Promoted", model="digits", alias="champion", version="v1"),
    "a measured evaluation": named(EVALUATIONS, "Succeeded", candidate="v1"),
    "a failed evaluation": named(EVALUATIONS, "Failed", candidate="v1"),
    "a training that has ended": named(TRAINING_JOBS, "Failed", data=[{"name": "d", "uri": f"{folder('v1')}/0/r"}]),
}


@pytest.mark.parametrize("use", USERS)
def test_what_an_object_names_is_kept(use: str) -> None:
    user = USERS[use]
    scene = Scene(copy.deepcopy(user)).at(0)
    assert scene.listed == ["v2"]
    assert scene.kept["v1"] == f"{user['kind']} user names it"


@pytest.mark.parametrize("use", FINAL)
def test_what_an_object_used_to_its_end_is_removed(use: str) -> None:
    assert Scene(copy.deepcopy(FINAL[use])).at(0).listed == ["v1", "v2"]


@pytest.mark.parametrize("use", USERS)
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen by the watch"])
def test_a_use_that_begins_after_the_mark_withdraws_it(use: str, seen: bool) -> None:
    user = copy.deepcopy(USERS[use])
    scene = Scene().at(0).at(HOUR)
    assert scene.removals == ["v1", "v2"]
    if seen:
        scene.put(user)
    else:  # the API server has it, and its watch has not shown it
        resource = next(entry for entry in RESOURCES if entry.kind == user["kind"])
        read = ObjectsIn(resource=resource, namespace=NAMESPACE)
        scene.cluster.found[read] = [*scene.cluster.world.all(resource), user]
    scene.at(SETTLED)
    assert (scene.removals, scene.reason("v1")) == (["v2"], "Verified")
    assert "RemovalWithdrawn" in scene.events


RESOURCES = (
    *(MODEL_DEPLOYMENTS, PROMOTIONS, EVALUATIONS, TRAINING_JOBS, MODEL_MONITORS, RETRAIN_POLICIES, MODELS),
    MODEL_VERSIONS,
)


def test_what_an_alias_points_at_or_pointed_at_is_kept() -> None:
    scene = Scene(count=5).at(0).points_at("v1", "v2", "v3").settle()
    assert scene.kept == {
        "v1": "alias champion points at it",
        "v2": "alias champion pointed at it before",
        "v3": "alias champion pointed at it until 2025-12-31T12:00:00Z",
    }
    assert scene.listed == ["v4"]
    scene.at(31 * 24 * HOUR)
    assert sorted(scene.kept) == ["v1", "v2"]


def test_an_alias_that_moves_onto_a_marked_version_waits_for_it_to_be_kept() -> None:
    scene = Scene().at(0).at(HOUR)
    scene.put(promotion("p", "v1", passed=True)).settle()
    assert scene.reason("v1") == "Verified"
    assert scene.model["status"]["aliases"][0]["version"] == "v1"
    scene.at(SETTLED)
    assert scene.removals == ["v2"]


def test_no_alias_moves_to_a_version_whose_removal_has_started() -> None:
    scene = started()
    scene.put(promotion("p", "v1", passed=True)).settle()
    assert not scene.model["status"].get("aliases")
    assert scene.reason("v1") == "ArtifactRemoved"


def test_versions_with_files_in_one_folder_keep_each_other() -> None:
    twin = version("twin", age=9 * 24 * HOUR, on_record=False, model="other")
    twin["spec"]["artifact"]["uri"] = f"{folder('v1')}/0/model.joblib"
    scene = Scene(twin).at(0)
    assert scene.kept["v1"] == f"ModelVersion twin has files in {folder('v1')}"


@pytest.mark.parametrize("policy", [{"mode": "DryRun"}, {"keepVersions": 3}, {"keepFor": "2400h"}])
def test_a_policy_that_is_relaxed_withdraws_marks(policy: Manifest) -> None:
    scene = Scene().at(0).at(HOUR).edit(**policy)
    assert (scene.removals, scene.reason("v1")) == ([], "Verified")


def test_a_policy_that_is_taken_away_withdraws_marks_and_ends_what_has_started() -> None:
    scene = Scene().at(0).at(HOUR)
    scene.cluster.edit(MODELS, "digits", retention=None)
    scene.settle()
    assert (scene.retention, scene.reason("v1")) == ({}, "Verified")
    scene = started()
    scene.cluster.edit(MODELS, "digits", retention=None)
    scene.settle()
    assert scene.removals == ["v1", "v2"]
    scene.job_ends().job_ends()
    assert (scene.retention, scene.jobs) == ({}, [])


def test_a_marked_version_that_is_deleted_is_not_removed() -> None:
    scene = Scene().at(0).at(HOUR)
    scene.cluster.world.remove(scene.cluster.get(MODEL_VERSIONS, "v1"))
    scene.at(SETTLED)
    assert scene.removals == ["v2"]
    assert len(scene.jobs) == 1


def test_a_version_created_again_while_its_files_go_is_not_verified() -> None:
    scene = started()
    scene.cluster.world.remove(scene.cluster.get(MODEL_VERSIONS, "v1"))
    again = version("v1", age=0)
    again["metadata"]["uid"] = "another"
    again["status"] = {"observedGeneration": -1}
    scene.put(again).settle()
    assert scene.reason("v1") == "ArtifactRemoved"


def test_a_job_that_is_made_again_depends_on_the_absence_of_its_version() -> None:
    scene = started()
    (job,) = scene.jobs
    scene.cluster.world.remove(job)
    scene.cluster.world.remove(scene.cluster.get(MODEL_VERSIONS, "v1"))
    scene.put(version("v4", age=0))
    plans = [scene.cluster.step(scene.controllers[MODELS], "digits") for _ in range(3)]
    made = [[type(action) for action in plan.actions] for plan in plans]
    assert made == [[], [], [Create]], "the number of v4 and the list of versions are written first"
    assert [[key.name for _, key in plan.confirm_absent] for plan in plans] == [[], [], ["v1"]]


def test_jobs_that_have_ended_go_after_their_time() -> None:
    scene = started().job_ends().job_ends()
    assert len(scene.cluster.world.all(JOBS)) == 2
    scene.at(SETTLED + 86_400 + 1)
    assert scene.cluster.world.all(JOBS) == []


def test_a_refused_job_is_told_and_asked_for_again() -> None:
    scene = Scene().at(0).at(HOUR)
    scene.cluster.refuse["Job"] = (403, "Forbidden", "exceeded quota")
    scene.at(SETTLED)
    assert scene.retention["waiting"]["message"] == (
        "the API server refuses the Job that removes files: exceeded quota"
    )
    del scene.cluster.refuse["Job"]
    scene.settle().job_ends().job_ends()
    assert "waiting" not in scene.retention
