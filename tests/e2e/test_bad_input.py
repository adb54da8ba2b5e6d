# SPDX-License-Identifier: Apache-2.0
"""Bad input on a real cluster: refused where it can be, else named in a condition soon, and mended where it can be."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.platform import Platform
from images import oci
from images.build import Builder
from localcluster import paths
from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, KubectlError, Manifest
from tests.e2e.support import (
    STORE,
    claim,
    condition,
    config_map,
    fetch,
    is_true,
    manifest,
    new_namespace,
    of,
    patch,
    seconds_since_creation,
    served,
    training,
    version,
    wait_reason,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(300)

TOLD_WITHIN = 10
"""Seconds within which a missing reference is a condition with a reason."""

MARGIN = 5
"""Seconds more that the tests allow: timestamps have whole seconds, and the kubelet shares two cores with the tests."""

LATE_IMAGE = f"localhost/mlops-e2e-late:{uuid.uuid4().hex[:8]}"
"""Not on the node, not even on one that former tests left."""

# -- refused at admission ------------------------------------------------------------------------

REFUSED = {
    "replicas": (training("a", replicas=0), "spec.replicas", "should be greater than or equal to 1"),
    "data": (training("a", data=[{"name": "a", "uri": "s3://b/c"}]), "spec.data[0].uri", "should match"),
    "unknown-field": (training("a", imag="typo"), "spec.imag", "field not declared in schema"),
    "image": (manifest("TrainingJob", "a", command=["true"]), "spec.image", "Required value"),
    "gate": (
        manifest(
            "Model",
            "a",
            aliases=[
                {"name": "b", "gate": {"data": [{"name": "c", "uri": "pvc://d/e"}], "metrics": [{"name": "accuracy"}]}}
            ],
        ),
        "spec.aliases[0].gate.metrics[0]",
        "set at least one of min, max or change",
    ),
    "digest": (
        manifest("ModelVersion", "a", model="b", artifact={"uri": "pvc://c/d", "digest": "md5:00", "format": "json"}),
        "spec.artifact.digest",
        "should match",
    ),
    "promotion": (manifest("Promotion", "a", model="b", alias="c"), "spec.version", "Required value"),
    "evaluation": (
        manifest("Evaluation", "a", candidate="b", data=[{"name": "c", "uri": "pvc://d/e"}], metrics=[]),
        "spec.metrics",
        "should have at least 1 items",
    ),
    "model": (
        served("a", {"name": "b", "alias": "c", "version": "d"}),
        "spec.model",
        "set exactly one of alias and version",
    ),
    "replicas-or-autoscaling": (
        served("a", {"name": "b", "alias": "c"}, replicas=1, autoscaling={"maxReplicas": 2, "metrics": [{}]}),
        "spec",
        "set replicas or autoscaling, not both",
    ),
    "window": (
        manifest(
            "ModelMonitor",
            "a",
            target={"deployment": "b"},
            source={"predictionLog": {"uri": "pvc://c/d"}},
            window={"size": "1s"},
            metrics=[{"name": "accuracy", "limit": {"min": 0.9}}],
        ),
        "spec.window",
        "at least 5s, at most 720h",
    ),
    "cooldown": (
        manifest("RetrainPolicy", "a", model="b", guard={"cooldown": "8761h"}, training={"spec": {"image": "c"}}),
        "spec.guard",
        "at most 8760h",
    ),
}


@pytest.mark.parametrize(("refused", "field", "rule"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_at_admission(kubectl: Kubectl, refused: Manifest, field: str, rule: str) -> None:
    with pytest.raises(KubectlError) as error:
        kubectl.in_namespace("default").apply(refused)
    assert field in str(error.value)
    assert rule in str(error.value)


@pytest.mark.parametrize(
    ("stored", "change", "rule"),
    [
        (training("fixed", suspend=True, model="letters"), {"model": "digits"}, "model is immutable"),
        (manifest("Promotion", "fixed", model="a", alias="b", version="c"), {"version": "d"}, "spec is immutable"),
    ],
    ids=["model", "promotion"],
)
def test_forbidden_change_is_refused(space: Kubectl, stored: Manifest, change: Manifest, rule: str) -> None:
    space.apply(stored)
    with pytest.raises(KubectlError, match=rule):
        patch(space, stored["kind"], "fixed", change)


# -- what only the API server can judge ----------------------------------------------------------

NONSENSE = {"dnsPolicy": "Sometimes"}
THE_SERVERS_WORDS = 'Unsupported value: "Sometimes"'


def test_bad_template_of_a_training_stalls_it_until_it_is_corrected(space: Kubectl) -> None:
    space.apply(training("typo", template={"spec": NONSENSE}))
    stalled = wait_reason(space, "trainingjob", "typo", "InvalidPodTemplate")
    assert is_true(stalled, "Stalled")
    assert "dnsPolicy" in condition(stalled)["message"]
    assert THE_SERVERS_WORDS in condition(stalled)["message"]
    assert space.list("job", of(stalled)) == space.list("pod", of(stalled)) == []

    patch(space, "trainingjob", "typo", {"template": None})
    done = wait_true(space, "trainingjob", "typo", "Complete")
    assert condition(done, "Stalled")["status"] == "False"


def test_bad_template_of_a_deployment_stalls_it_until_it_is_corrected(space: Kubectl) -> None:
    content = '{"offset": 1}'
    write_files(space, {"model.json": content})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    space.apply(version("plus-1", "plus", "model.json", content))
    good = served("plus", {"name": "plus", "version": "plus-1"})
    bad = served("plus", {"name": "plus", "version": "plus-1"}, template={"spec": NONSENSE})
    space.apply(bad)
    stalled = wait_reason(space, "modeldeployment", "plus", "InvalidPodTemplate")
    assert is_true(stalled, "Stalled")
    assert THE_SERVERS_WORDS in condition(stalled)["message"]
    assert space.list("deployment", of(stalled)) == space.list("pod", of(stalled)) == []

    space.apply(good)
    ready = wait_true(space, "modeldeployment", "plus")
    assert ready["status"]["stable"]["version"] == "plus-1"


# -- what is not there (yet) ---------------------------------------------------------------------

CONTENT = '{"offset": 1}'
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}}
TOKEN = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "token"}}}
SAVES = "report(artifacts=[save('{\"offset\": 2}')])\n"

WAITING: dict[str, tuple[Manifest, str, str]] = {
    "no-claim": (
        training("no-claim", data=[{"name": "rows", "uri": "pvc://inputs"}]), "VolumeNotFound", "inputs"
    ),
    "no-image": (training("no-image", image=LATE_IMAGE), "ImageUnavailable", LATE_IMAGE),
    "no-key": (training("no-key", env=[TOKEN]), "ConfigUnavailable", "token"),
    "no-model": (training("no-model", SAVES, model="late"), "ModelNotFound", "late"),
    "version-of-no-model": (version("orphan", "later", "model.json", CONTENT), "ModelNotFound", "later"),
    "no-version-to-promote": (
        manifest("Promotion", "early", model="plus", alias="champion", version="plus-1"),
        "ModelVersionNotFound",
        "plus-1",
    ),
    "no-version-to-serve": (
        served("plus", {"name": "plus", "version": "plus-1"}), "ModelVersionNotFound", "plus-1"
    ),
    "no-version-to-evaluate": (
        manifest(
            "Evaluation",
            "early",
            candidate="nowhere",
            data=[{"name": "rows", "uri": "pvc://inputs/rows"}],
            metrics=[{"name": "accuracy", "min": 0.5}],
        ),
        "ModelVersionNotFound",
        "nowhere",
    ),
    "no-deployment-to-watch": (
        manifest(
            "ModelMonitor",
            "early",
            target={"deployment": "nowhere"},
            source={"predictionLog": {"uri": "pvc://inputs/log"}},
            metrics=[{"name": "accuracy", "limit": {"min": 0.5}}],
        ),
        "DeploymentNotFound",
        "nowhere",
    ),
    "no-model-to-retrain": (
        manifest("RetrainPolicy", "early", model="nowhere", training={"spec": {"image": "localhost/none"}}),
        "ModelNotFound",
        "nowhere",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def waiting(kubectl: Kubectl) -> Iterator[Kubectl]:
    """All that waits for something, begun at once."""
    with new_namespace(kubectl, "waiting") as space:
        write_files(space, {"model.json": CONTENT})
        space.apply({**SECRET, "stringData": {"another": "key"}})
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus", aliases=[{"name": "champion"}]))
        for early, _, _ in WAITING.values():
            space.apply(early)
        yield space


@pytest.mark.parametrize(("early", "why", "what"), WAITING.values(), ids=WAITING.keys())
def test_missing_reference_is_told_soon(waiting: Kubectl, early: Manifest, why: str, what: str) -> None:
    told = wait_reason(waiting, early["kind"], early["metadata"]["name"], why)
    assert what in condition(told)["message"]
    assert condition(told)["status"] != "True"
    since = (told["status"].get("waiting") or {}).get("since") or condition(told)["lastTransitionTime"]
    assert seconds_since_creation(told, since) <= TOLD_WITHIN + MARGIN


def test_missing_claim_mends_itself(waiting: Kubectl) -> None:
    waiting.apply(claim("inputs"))
    done = wait_true(waiting, "trainingjob", "no-claim", "Complete")
    assert "waiting" not in done["status"]


def test_missing_key_mends_itself(waiting: Kubectl) -> None:
    waiting.apply({**SECRET, "stringData": {"token": "t"}})
    wait_true(waiting, "trainingjob", "no-key", "Complete")


def test_missing_model_mends_itself(waiting: Kubectl) -> None:
    for name in ("late", "later"):
        waiting.apply(manifest("Model", name))
    wait_true(waiting, "modelversion", "orphan")
    done = wait_true(waiting, "trainingjob", "no-model", "Complete")
    wait_true(waiting, "modelversion", done["status"]["modelVersion"])


def test_missing_version_mends_itself(waiting: Kubectl) -> None:
    waiting.apply(version("plus-1", "plus", "model.json", CONTENT))
    promoted = wait_reason(waiting, "promotion", "early", "Promoted")
    assert is_true(promoted, "Ready")
    wait_true(waiting, "modeldeployment", "plus")
    (alias,) = fetch(waiting, "model", "plus")["status"]["aliases"]
    assert alias["version"] == "plus-1"


def test_missing_image_mends_itself(waiting: Kubectl, platform: Platform, tmp_path: Path) -> None:
    base = Builder(paths.cache_home() / "images").base()
    late = oci.Image(LATE_IMAGE, base.layers, environment=base.environment, user=base.user, workdir=base.workdir)
    archive = tmp_path / "late.tar"
    oci.write_archive(archive, [late])
    platform.cluster.load_image(archive)
    # The kubelet looks again by itself, after a pause of its own that grows to minutes.
    wait_true(waiting, "trainingjob", "no-image", "Complete", timeout=120)


def test_wrong_image_is_mended_by_correcting_the_spec(space: Kubectl) -> None:
    space.apply(training("typo", image="localhost/mlops-bsae:dev"))
    wait_reason(space, "trainingjob", "typo", "ImageUnavailable")
    patch(space, "trainingjob", "typo", {"image": base_reference()})
    wait_true(space, "trainingjob", "typo", "Complete")


# -- what a run reports --------------------------------------------------------------------------

REPORTS = {
    "malformed": ("Path(ENV['MLOPS_RESULT_PATH']).write_text('{not json')", "is not JSON"),
    "too-large": ("report(metrics={f'a-rather-long-name-{n:03}': 0.5 for n in range(110)})", "at most 3072"),
    "of-another-run": ("report(uid='somebody-else')", "is of run 'somebody-else'"),
    "not-finite": ("report(metrics={'loss': float('nan')})", "malformed at metrics.loss"),
    "missing": ("", "without a result"),
}


@pytest.fixture(scope="module")
def reported(kubectl: Kubectl) -> Iterator[Kubectl]:
    """A training for each of the reports, all begun at once."""
    with new_namespace(kubectl, "reported") as space:
        for name, (program, _) in REPORTS.items():
            space.apply(training(name, program + "\n", output={"uri": f"pvc://{STORE}/out"}, backoffLimit=3))
        yield space


@pytest.mark.parametrize("name", REPORTS)
def test_bad_report_is_no_success(reported: Kubectl, name: str) -> None:
    failed = wait_true(reported, "trainingjob", name, "Failed")
    assert condition(failed, "Failed")["reason"] == condition(failed, "Stalled")["reason"] == "ResultInvalid"
    assert REPORTS[name][1] in condition(failed)["message"]
    assert [entry["exitCode"] for entry in failed["status"]["attempts"]] == [0]
    assert "metrics" not in failed["status"]


# -- content that is not what its digest says ----------------------------------------------------


def test_corrupt_artifact_is_never_served(space: Kubectl) -> None:
    good, changed = '{"offset": 1}', '{"offset": 2}'
    write_files(space, {"1.json": good, "2.json": "something else", "3.json": changed})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    for number, content in (("1", good), ("2", good), ("3", changed)):
        space.apply(version(f"plus-{number}", "plus", f"{number}.json", content))
    deployment = served("plus", {"name": "plus", "version": "plus-1"}, rollout={"steps": []})
    space.apply(deployment)

    # Corrupt from the beginning: the version says so, and no deployment takes it.
    corrupt = wait_reason(space, "modelversion", "plus-2", "ArtifactCorrupt")
    assert is_true(corrupt, "Stalled")
    wait_true(space, "modelversion", "plus-3")
    wait_true(space, "modeldeployment", "plus")
    space.apply(served("plus", {"name": "plus", "version": "plus-2"}, rollout={"steps": []}))
    refused = wait_reason(space, "modeldeployment", "plus", "ModelVersionNotReady")
    assert "ArtifactCorrupt" in condition(refused)["message"]
    assert (refused["status"]["stable"]["version"], condition(refused)["status"]) == ("plus-1", "True")
    assert len(space.list("deployment", of(refused))) == 1

    # Corrupt since it was verified: the server's own fetch refuses it.
    write_files(space, {"3.json": '{"offset": 3}'})
    space.apply(served("plus", {"name": "plus", "version": "plus-3"}, rollout={"steps": []}))
    stopped = wait_reason(space, "modeldeployment", "plus", "CandidateStopped")
    assert stopped["status"]["stopped"]["version"] == "plus-3"
    assert stopped["status"]["stopped"]["reason"] == "ArtifactCorrupt"
    assert (stopped["status"]["stable"]["version"], condition(stopped)["status"]) == ("plus-1", "True")
