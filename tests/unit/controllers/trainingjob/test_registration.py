# SPDX-License-Identifier: Apache-2.0
"""A result that becomes a ModelVersion, with its lineage."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.trainingjob.registration import version_name
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS
from tests.unit.controllers.builders import condition, make
from tests.unit.controllers.nodes import image_id
from tests.unit.controllers.trainingjob.driver import DIGEST, Run, begin, model_artifact

OTHER = f"sha256:{'b' * 64}"


def trained(*artifacts: Manifest, spec: dict[str, Any] | None = None, **result: Any) -> Run:
    run = begin(make(MODELS, "m", spec={}), model="m", **(spec or {}))
    run.at(2).job_runs()
    run.at(9).job_succeeds(run.result(artifacts=list(artifacts), **result))
    return run


def test_the_artifact_named_model_becomes_the_version() -> None:
    run = trained(model_artifact())
    version = run.cluster.only(MODEL_VERSIONS)
    assert version["spec"]["model"] == "m"
    assert version["spec"]["artifact"] == {
        "uri": "pvc://store/m.joblib",
        "digest": DIGEST,
        "format": "sklearn",
        "size": 7,
    }
    assert run.status["modelVersion"] == version["metadata"]["name"]
    assert run.status["phase"] == "Succeeded"


def test_golden_requests_go_with_it() -> None:
    golden = {"name": "golden", "uri": "pvc://store/golden.json", "digest": OTHER, "format": "golden-requests"}
    version = trained(model_artifact(), golden).cluster.only(MODEL_VERSIONS)
    assert version["spec"]["goldenRequests"] == {"uri": "pvc://store/golden.json", "digest": OTHER}


def test_the_hashes_of_its_training_rows_go_with_it() -> None:
    rows = {"name": "training-rows", "uri": "pvc://store/training-rows.bin", "digest": OTHER, "format": "row-hashes-v1"}
    version = trained(model_artifact(), rows).cluster.only(MODEL_VERSIONS)
    assert version["spec"]["trainingRows"] == {"uri": "pvc://store/training-rows.bin", "digest": OTHER}
    assert "trainingRows" not in trained(model_artifact()).cluster.only(MODEL_VERSIONS)["spec"]


def test_lineage_says_what_it_was_made_of() -> None:
    run = trained(
        model_artifact(),
        spec={
            "parameters": {"gamma": 0.001, "text": "$5"},
            "seed": 7,
            "data": [{"name": "train", "uri": "pvc://store/train.npz"}],
        },
        data=[{"name": "train", "digest": OTHER}],
        metrics={"accuracy": 0.969},
    )
    lineage = run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]
    assert lineage == {
        "trainingJob": {
            "name": "digits",
            "uid": "uid-of-digits",
            "specDigest": spec_digest(TrainingJobSpec.model_validate(run.obj["spec"])),
        },
        "image": image_id("example/train:1"),
        "imageName": "example/train:1",
        "inputsDigest": run.status["inputsDigest"],
        "parameters": {"gamma": 0.001, "text": "$5"},
        "seed": 7,
        "data": [{"name": "train", "uri": "pvc://store/train.npz", "digest": OTHER}],
        "metrics": {"accuracy": 0.969},
    }


def test_lineage_is_that_of_the_attempt_not_of_an_edited_spec() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m", seed=1, parameters={"c": 1})
    run.at(2).job_runs()
    run.edit(seed=2, parameters={"c": 2}, image="example/train:2")
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    lineage = run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]
    assert (lineage["seed"], lineage["parameters"], lineage["imageName"]) == (1, {"c": 1}, "example/train:1")
    assert lineage["image"] == image_id("example/train:1")


@pytest.mark.parametrize(
    ("reported", "image"),
    [
        (f"example/train@{DIGEST}", f"example/train@{DIGEST}"),
        (f"docker-pullable://example/train@{DIGEST}", f"example/train@{DIGEST}"),
        (DIGEST, DIGEST),
        (f"docker://{DIGEST}", DIGEST),
        ("", None),
    ],
)
def test_the_image_is_the_one_that_ran_and_not_its_tag(reported: str, image: str | None) -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]), image_id=reported)
    lineage = run.cluster.only(MODEL_VERSIONS)["spec"]["lineage"]
    assert (lineage.get("image"), lineage["imageName"]) == (image, "example/train:1")


def test_the_list_of_packages_goes_with_it() -> None:
    listed = {"name": "environment", "uri": "pvc://store/environment.json", "digest": OTHER}
    version = trained(model_artifact(), {**listed, "format": "python-environment-v1"}).cluster.only(MODEL_VERSIONS)
    assert version["spec"]["lineage"]["environment"] == {"uri": "pvc://store/environment.json", "digest": OTHER}
    other = trained(model_artifact(), {**listed, "format": "conda"}).cluster.only(MODEL_VERSIONS)
    assert "environment" not in other["spec"]["lineage"]


@pytest.mark.parametrize(
    ("artifacts", "words"),
    [
        ([], "expected an artifact named 'model'"),
        ([model_artifact(name="weights")], "found weights"),
        ([model_artifact(format="")], "spec.format"),
        ([model_artifact(uri="s3://bucket/m")], "spec.uri"),
    ],
)
def test_a_result_that_cannot_become_a_version_does_not_count(artifacts: list[Manifest], words: str) -> None:
    run = trained(*artifacts)
    failed = condition(run.obj, "Failed")
    assert failed["reason"] == "ResultInvalid"
    assert words in failed["message"]
    assert run.cluster.world.all(MODEL_VERSIONS) == []


def test_the_same_content_is_the_same_version() -> None:
    assert version_name("m", "u", DIGEST) == version_name("m", "u", DIGEST)
    assert len({version_name("m", uid, digest) for uid in "uv" for digest in (DIGEST, OTHER)}) == 4


def test_the_longest_model_name_fits() -> None:
    assert len(version_name("m" * 253, "u", DIGEST)) <= 253


def test_a_version_made_before_a_lost_status_is_not_made_again() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(2).job_runs()
    before = run.obj
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    run.cluster.store(before)
    run.settle()
    assert len(run.cluster.world.all(MODEL_VERSIONS)) == 1
    assert run.status["phase"] == "Succeeded"


def test_a_version_that_another_user_created_under_the_name_is_not_taken_for_its_own() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.at(2).job_runs()
    uid = run.obj["metadata"]["uid"]
    artifact = {"uri": "pvc://store/other", "digest": OTHER, "format": "sklearn"}
    lineage = {"trainingJob": {"name": run.obj["metadata"]["name"], "uid": uid}}
    forged = {"model": "m", "artifact": artifact, "lineage": lineage}
    run.cluster.world.put(make(MODEL_VERSIONS, version_name("m", uid, DIGEST), spec=forged))
    run.cluster.refuse["ModelVersion"] = (409, "NameTaken", "ModelVersion m already exists")
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert condition(run.obj, "Stalled")["reason"] == "NameTaken"
    assert run.status["phase"] != "Succeeded"


def test_a_version_that_a_quota_refuses_is_tried_again() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.cluster.refuse["ModelVersion"] = (403, "Forbidden", "exceeded quota")
    plan = run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert condition(run.obj, "Ready")["reason"] == "Forbidden"
    assert plan.requeue_after == 60
    run.cluster.refuse.clear()
    run.at(70).settle()
    assert run.status["phase"] == "Succeeded"


def test_a_version_that_the_api_refuses_is_the_end() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.cluster.refuse["ModelVersion"] = (422, "Invalid", "spec.artifact: no")
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert run.status["phase"] == "Failed"
    assert "spec.artifact: no" in condition(run.obj, "Failed")["message"]


def test_a_model_deleted_meanwhile_does_not_lose_the_result() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m")
    run.cluster.world.remove(run.cluster.get(MODELS, "m"))
    run.at(9).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert len(run.cluster.world.all(MODEL_VERSIONS)) == 1
