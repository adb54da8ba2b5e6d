# SPDX-License-Identifier: Apache-2.0
"""Whose files a version's are: nobody who writes ModelVersions, TrainingJobs or results can name another's folder."""

import copy
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionSpec
from mlops_operator.controllers.modelversion.policies.provenance import run_folder
from mlops_operator.kube.resources import MODEL_VERSIONS, TRAINING_JOBS
from tests.unit.controllers.retention.scene import Scene, folder, spec_of, training, version
from tests.unit.controllers.versions import digest_of

STORE = "pvc://mlops-artifacts"


def found(spec: Manifest, trained: Manifest | None, *, name: str = "v1") -> str | None:
    return run_folder(name, ModelVersionSpec.model_validate(spec), trained, artifact_store=STORE)


def at(uri: str) -> tuple[Manifest, Manifest]:
    """A version at this URI, and the TrainingJob of v1 that says that it wrote it there."""
    trained = training("v1", artifacts=[{"name": "model", "uri": uri, "digest": digest_of("v1")}])
    spec = spec_of("v1")
    spec["artifact"] |= {"uri": uri}
    return spec, trained


def test_the_folder_of_the_training_that_made_the_version() -> None:
    assert found(spec_of("v1"), training("v1")) == folder("v1")


@pytest.mark.parametrize("root", ["pvc://other", "pvc://other/sub/", "pvc://other//sub"])
def test_an_output_of_its_own(root: str) -> None:
    uri = f"{folder('v1', root=root.rstrip('/'))}/0/model.joblib"
    spec, trained = at(uri)
    trained["spec"]["output"] = {"uri": root}
    assert found(spec, trained) == folder("v1", root=root.rstrip("/").replace("r//s", "r/s"))


@pytest.mark.parametrize(
    "uri",
    [
        f"{folder('v2')}/0/model.joblib",
        f"{STORE}/model.joblib",
        STORE,
        f"{STORE}/trainingjobs",
        f"{folder('v1')}",
        f"{folder('v1')}/model.joblib",
        f"{folder('v1')}/1/model.joblib",
        f"{folder('v1')}x/0/model.joblib",
        f"pvc://victim/trainingjobs/{folder('v1').rsplit('/', 1)[-1]}/0/model.joblib",
        f"{folder('v2')}/0/trainingjobs/{folder('v1').rsplit('/', 1)[-1]}/0/model.joblib",
        f"{STORE}/evaluations/x/0/model.joblib",
    ],
)
def test_a_run_cannot_report_a_place_that_is_not_its_own(uri: str) -> None:
    assert found(*at(uri)) is None


def test_a_spec_cannot_climb_out() -> None:
    spec = spec_of("v1")
    spec["artifact"]["uri"] = f"{folder('v1')}/0/../../x"
    with pytest.raises(ValueError, match="pattern"):
        ModelVersionSpec.model_validate(spec)


def changed(**status: Any) -> Manifest:
    return training("v1", **status)


def with_uid(uid: str) -> Manifest:
    trained = training("v1")
    trained["metadata"]["uid"] = uid
    return trained


@pytest.mark.parametrize(
    "trained",
    [
        None,
        with_uid("another"),
        training("v1", phase="Failed"),
        training("v1", phase="Running"),
        changed(modelVersion="v2"),
        changed(modelVersion=None),
        changed(artifacts=[]),
        changed(artifacts=[{"name": "model", "uri": f"{folder('v1')}/0/model.joblib", "digest": digest_of("x")}]),
        changed(attempts=[{"index": 0, "job": "j", "generation": 1, "outcome": "Failed"}]),
        {**training("v1"), "spec": {"image": "i", "model": "another"}},
    ],
)
def test_a_training_that_does_not_say_so_is_no_record(trained: Manifest | None) -> None:
    assert found(spec_of("v1"), trained) is None


def test_another_name_for_the_result_of_a_training_is_no_record() -> None:
    assert found(spec_of("v1"), training("v1"), name="mine") is None


def test_the_record_is_written_with_the_verification_and_stays() -> None:
    old = version("v1", age=9 * 86_400, on_record=False)
    scene = Scene(training("v1"), count=0, policy={}).put(old).settle()
    assert "runFolder" not in scene.cluster.get(MODEL_VERSIONS, "v1")["status"]
    scene.edit(mode="DryRun", keepVersions=0)
    assert scene.cluster.get(MODEL_VERSIONS, "v1")["status"]["runFolder"] == folder("v1")
    scene.cluster.world.remove(scene.cluster.get(TRAINING_JOBS, "train-v1"))
    scene.settle()
    assert scene.cluster.get(MODEL_VERSIONS, "v1")["status"]["runFolder"] == folder("v1")


def test_files_of_nobody_on_record_are_kept_and_the_reason_is_told() -> None:
    forged = version("forged", age=9 * 86_400, on_record=False)
    forged["spec"]["artifact"]["uri"] = f"{folder('v1')}/0/model.joblib"
    scene = Scene(training("v1"), copy.deepcopy(forged)).at(0)
    entry = next(entry for entry in scene.retention["keptVersions"] if entry["version"] == "forged")
    assert entry["reason"] == "NotOnRecord"
    assert "forged" not in scene.listed
