# SPDX-License-Identifier: Apache-2.0
"""The digest of what an attempt ran with: what its spec says, and what its pod shows."""

from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.config_maps import volume_name
from mlops_operator.controllers.trainingjob.inputs import declared_digest, image_of
from tests.unit.controllers.builders import condition, failed_pod, job_ended, later, succeeded_pod
from tests.unit.controllers.trainingjob.driver import DIGEST, Run, begin
from tests.unit.controllers.trainingjob.pods import pods_are
from tests.unit.controllers.views import views, volumes

OTHER = f"sha256:{'b' * 64}"
SCRIPT = {"volumes": [{"name": "code", "configMap": {"name": "train-code"}}]}
TRAIN = [{"name": "train", "uri": "pvc://store/train.npz"}]


def digest_of(result: Manifest | None = None, *, pod: Manifest | None = None, **spec: Any) -> str:
    run = begin(**spec)
    run.at(9).job_succeeds(run.result(**(result or {})), **(pod or {}))
    return str(run.status["inputsDigest"])


def test_two_scripts_are_two_inputs() -> None:
    spec = {"template": {"spec": SCRIPT}}
    first = digest_of(pod={"config_maps": DIGEST}, **spec)
    assert digest_of(pod={"config_maps": DIGEST}, **spec) == first
    assert digest_of(pod={"config_maps": OTHER}, **spec) != first


def test_two_images_under_one_tag_are_two_inputs() -> None:
    assert digest_of(pod={"image_id": DIGEST}) != digest_of(pod={"image_id": OTHER})


def test_two_states_of_data_at_one_place_are_two_inputs() -> None:
    def read(digest: str) -> str:
        return digest_of({"data": [{"name": "train", "digest": digest}]}, data=TRAIN)

    assert read(DIGEST) == read(DIGEST) != read(OTHER)


BASE: dict[str, Any] = {"parameters": {"a": 1, "b": 2}, "seed": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"parameters": {"a": 1, "b": 3}},
        {"image": "example/train:2"},
        {"command": ["x"]},
        {"args": ["x"]},
        {"env": [{"name": "MODE", "value": "fast"}]},
        {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        {"template": {"spec": {"containers": [{"name": "helper", "image": "example/helper:1"}]}}},
        {"template": {"metadata": {"annotations": {"profile": "a"}}}},
        {"data": TRAIN},
        {"data": [{**TRAIN[0], "digest": DIGEST}]},
        {"replicas": 2},
    ],
)
def test_what_reaches_the_run_is_in_the_digest(change: dict[str, Any]) -> None:
    assert digest_of(**BASE) != digest_of(**{**BASE, **change})


def test_what_is_held_out_is_in_the_digest() -> None:
    spec = TrainingJobSpec.model_validate({"image": "example/train:1"})
    holdouts: list[Manifest | None] = [
        None,
        {"key": "m", "share": 0.1},
        {"key": "m", "share": 0.2},
        {"key": "n", "share": 0.1},
    ]
    assert len({declared_digest(spec, holdout=holdout) for holdout in holdouts}) == len(holdouts)


def test_the_order_of_parameters_and_what_the_run_does_not_see_is_not() -> None:
    change = {"parameters": {"b": 2, "a": 1}, "resources": {"requests": {"cpu": "1"}}, "backoffLimit": 0}
    assert digest_of(**BASE) == digest_of(**{**BASE, **change})


def test_the_digest_is_that_of_what_the_attempt_ran_with() -> None:
    run = begin(seed=1)
    run.at(2).job_runs()
    run.edit(seed=2)
    run.at(9).job_succeeds()
    assert run.status["inputsDigest"] == digest_of(seed=1)


def test_while_the_first_attempt_runs_it_is_not_known() -> None:
    run = begin()
    run.at(2).job_runs()
    assert "inputsDigest" not in run.status


def test_a_failed_attempt_has_one_too() -> None:
    run = begin(backoffLimit=0)
    run.cluster.pods[run.job["metadata"]["name"]] = [failed_pod(run.job, "bang", image_id=DIGEST)]
    run.cluster.store(job_ended(run.job, at=later(9), succeeded=False))
    run.at(9).settle()
    assert run.status["phase"] == "Failed"
    assert run.status["inputsDigest"].startswith("sha256:")


@pytest.mark.parametrize("pod", [{"image_id": ""}, {"config_maps": "x"}], ids=["image", "ConfigMaps"])
def test_what_is_not_known_is_not_claimed(pod: dict[str, str]) -> None:
    run = begin(template={"spec": SCRIPT})
    run.at(9).job_succeeds(**pod)
    assert run.status["phase"] == "Succeeded"
    assert "inputsDigest" not in run.status


def test_an_image_of_another_container_is_in_the_digest() -> None:
    def with_helper(image_id: str) -> Run:
        run = begin()
        pod = succeeded_pod(run.job)
        helper = {"name": "helper", "imageID": image_id, "state": {"terminated": {"exitCode": 0}}}
        pod["status"]["containerStatuses"].append(helper)
        pods_are(run, pod)
        run.cluster.store(job_ended(run.job, at=later(9)))
        run.at(9).settle()
        return run

    assert with_helper(DIGEST).status["inputsDigest"] != with_helper(OTHER).status["inputsDigest"]
    assert "inputsDigest" not in with_helper("").status


def test_what_rank_0_showed_is_kept_when_its_pod_is_gone() -> None:
    run = begin(replicas=2, template={"spec": SCRIPT})
    run.at(2).job_runs(ready=2)
    begun = run.job
    pods_are(run, succeeded_pod(begun, run.result(), index=0), succeeded_pod(begun, index=1))
    begun["status"] = {**begun["status"], "active": 1, "ready": 1, "succeeded": 1}
    run.cluster.store(begun)
    run.at(9).settle()
    kept = run.status["finishedRanks"]["inputsDigest"]
    pods_are(run, succeeded_pod(begun, index=1))
    run.cluster.store(job_ended(run.job, at=later(20)))
    run.at(20).settle()
    assert run.status["phase"] == "Succeeded"
    assert run.status["inputsDigest"] == kept
    assert kept == digest_of(replicas=2, template={"spec": SCRIPT})


# -- how the ConfigMaps get to the container that hashes them ---------------------------------------


def hashed(**spec: Any) -> dict[str, Any]:
    """The sources of the volumes of the container that hashes, by where it sees them."""
    run = begin(**spec)
    mounted = volumes(run.job)
    seen = views(run.job).get("check-inputs", {})
    return {
        path.removeprefix("/mnt/config-maps/"): mounted[volume.split(" ")[0]]["projected"]["sources"]
        for path, volume in seen.items()
        if path.startswith("/mnt/config-maps/")
    }


def source(name: str, *keys: str, **more: Any) -> Manifest:
    items = {"items": [{"key": key, "path": key} for key in keys]} if keys else {}
    return {"configMap": {"name": name, **items, **more}}


def test_all_ways_in_which_a_run_sees_a_config_map_are_hashed() -> None:
    template = {
        "spec": {
            "volumes": [
                {"name": "code", "configMap": {"name": "files"}},
                {"name": "some", "configMap": {"name": "one-file", "items": [{"key": "a", "path": "b"}]}},
                {
                    "name": "mixed",
                    "projected": {"sources": [{"configMap": {"name": "projected"}}, {"secret": {"name": "s"}}]},
                },
            ],
            "initContainers": [
                {"name": "before", "volumeMounts": [], "envFrom": [{"configMapRef": {"name": "all-variables"}}]}
            ],
            "containers": [
                {
                    "name": "beside",
                    "volumeMounts": [],
                    "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "beside", "key": "k"}}}],
                }
            ],
        }
    }
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "x"}}}]
    assert hashed(template=template, env=env) == {
        "all-variables": [source("all-variables")],
        "beside": [source("beside", "k")],
        "files": [source("files")],
        "one-file": [source("one-file", "a")],
        "projected": [source("projected")],
        "settings": [source("settings", "x")],
    }


def variable(key: str, **more: Any) -> Manifest:
    return {"name": key.upper(), "valueFrom": {"configMapKeyRef": {"name": "m", "key": key, **more}}}


@pytest.mark.parametrize(
    ("env", "files", "sources"),
    [
        ([variable("a"), variable("b")], None, [source("m", "a", "b")]),
        ([variable("a", optional=True)], None, [source("m", "a", optional=True)]),
        (
            [variable("a"), variable("a", optional=True) | {"name": "C"}, variable("b", optional=True)],
            None,
            [source("m", "a"), source("m", "b", optional=True)],
        ),
        ([variable("a")], {"optional": True}, [source("m", "a"), source("m", optional=True)]),
        ([variable("a", optional=True)], {}, [source("m")]),
    ],
)
def test_a_pod_waits_for_what_the_run_needs_and_no_more(
    env: list[Manifest], files: Manifest | None, sources: list[Manifest]
) -> None:
    mounted = [] if files is None else [{"name": "code", "configMap": {"name": "m", **files}}]
    assert hashed(env=env, template={"spec": {"volumes": mounted}}) == {"m": sources}


def test_without_config_maps_and_data_nothing_runs_before() -> None:
    secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    run = begin(env=[secret], template={"spec": {"volumes": [{"name": "s", "secret": {"secretName": "s"}}]}})
    assert "initContainers" not in run.job["spec"]["template"]["spec"]


def test_it_hashes_in_the_container_that_checks_data_before_any_other_of_the_pod() -> None:
    template = {
        "spec": {**SCRIPT, "initContainers": [{"name": "first", "volumeMounts": [], "restartPolicy": "Always"}]}
    }
    run = begin(data=TRAIN, replicas=2, template=template)
    check, *others = run.job["spec"]["template"]["spec"]["initContainers"]
    assert (check["name"], check["image"]) == ("check-inputs", Settings().workload_image)
    assert check["args"] == ["train=pvc://store/train.npz", "--config-maps=/mnt/config-maps"]
    assert [entry["name"] for entry in others] == ["wait-for-coordinator", "first"]
    assert set(views(run.job)["main"]) == {"/tmp", "/mnt/pvc/store/train.npz"}


def test_it_gets_no_variable_of_the_users() -> None:
    # PYTHONPATH or LD_PRELOAD would run code of the user's in the container that hashes.
    variables = [{"name": "LD_PRELOAD", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}]
    (check,) = begin(env=variables).job["spec"]["template"]["spec"]["initContainers"]
    assert [entry["name"] for entry in check["env"]] == ["MLOPS_PVC_ROOT"]
    assert "envFrom" not in check


@pytest.mark.parametrize(
    "extra",
    [
        {"volumes": [*SCRIPT["volumes"], {"name": volume_name("train-code"), "emptyDir": {}}]},
        {**SCRIPT, "initContainers": [{"name": "check-inputs", "image": "mine"}]},
        {
            **SCRIPT,
            "containers": [
                {"name": "x", "volumeMounts": [{"name": volume_name("train-code"), "mountPath": "/x"}]},
            ],
        },
    ],
    ids=["volume", "container", "mount"],
)
def test_a_template_cannot_replace_what_is_hashed(extra: Manifest) -> None:
    run = begin(template={"spec": extra})
    assert condition(run.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    assert "expected" in condition(run.obj, "Stalled")["message"]


@pytest.mark.parametrize("junk", [None, 1, "x", [1], [{}], [{"configMap": 1}], [{"configMap": {"name": 1}}], {"a": 1}])
def test_a_malformed_template_is_left_to_the_api_server(junk: Any) -> None:
    for field in ("volumes", "containers", "initContainers"):
        run = begin(template={"spec": {field: junk}})
        assert "check-inputs" not in str(run.cluster.writes)


def test_the_image_is_that_of_the_main_container() -> None:
    names = ("side", "main")
    pod = {
        "spec": {"containers": [{"name": name, "image": f"example/{name}:1"} for name in names]},
        "status": {"containerStatuses": [{"name": name, "imageID": f"example/{name}@{DIGEST}"} for name in names]},
    }
    assert image_of(pod) == (f"example/main@{DIGEST}", "example/main:1")
    assert image_of({"spec": {"containers": [{"name": "main", "image": ""}]}}) == image_of(None) == (None, None)
