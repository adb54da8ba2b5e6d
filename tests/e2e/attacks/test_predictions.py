# SPDX-License-Identifier: Apache-2.0
"""A candidate's code runs where it can neither see the labels nor report figures, whatever it does there."""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    SCRIPTS,
    STORE,
    WORKLOAD_IMAGE,
    condition,
    fetch,
    manifest,
    new_namespace,
    pod,
    training,
    wait_phase,
    wait_reason,
    wait_true,
    write_files,
)

pytestmark = pytest.mark.timeout(600)

SLOW = 300.0
"""Seconds for what takes three pods of four containers each, several at once on two cores."""

ACCURACY = 0.9689
"""Of the honest model on the second half of scikit-learn's digits."""


class Scene(NamedTuple):
    """A namespace with an honest champion, hostile versions, and a gate."""

    space: Kubectl
    digests: Mapping[str, str]


def _prepare(space: Kubectl) -> dict[str, str]:
    container = {
        "name": "main",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", (SCRIPTS / "attacker_models.py").read_text()],
        "volumeMounts": [{"name": "claim", "mountPath": "/mnt/claim"}],
    }
    space.apply(pod("prepare", container, [{"name": "claim", "persistentVolumeClaim": {"claimName": STORE}}]))
    done = space.wait(
        "pod", "prepare", lambda obj: obj["status"]["phase"] in ("Succeeded", "Failed"), what="to end", timeout=120
    )
    assert done["status"]["phase"] == "Succeeded", space.logs("prepare")
    digests: dict[str, str] = json.loads(space.logs("prepare").splitlines()[-1])
    return digests


def _version(name: str, digests: Mapping[str, str]) -> Manifest:
    artifact = {"uri": f"pvc://{STORE}/models/{name}.joblib", "digest": digests[name], "format": "sklearn"}
    return manifest("ModelVersion", name, model="digits", artifact=artifact)


def _evaluation(name: str, digests: Mapping[str, str]) -> Manifest:
    data = [{"name": "holdout", "uri": f"pvc://{STORE}/gate/holdout.npz", "digest": digests["holdout"]}]
    rules = [{"name": "accuracy", "min": 0.9}]
    return manifest("Evaluation", name, candidate=name, baseline="honest", data=data, metrics=rules)


HOSTILE = ("forges", "forges-and-fails", "spies", "no-predict")
OUTPUTS = ("link", "fifo", "folder", "oversized", "short", "pickle", "text")


@pytest.fixture(scope="module")
def scene(kubectl: Kubectl) -> Iterator[Scene]:
    """All evaluations, begun at once."""
    with new_namespace(kubectl, "attacks", claims=()) as space:
        space.apply(_claim())
        digests = _prepare(space)
        gate = {
            "data": [{"name": "holdout", "uri": f"pvc://{STORE}/gate/holdout.npz"}],
            "metrics": [{"name": "accuracy", "min": 0.999999}],
        }
        space.apply(manifest("Model", "digits", aliases=[{"name": "champion", "gate": gate}]))
        for name in ("honest", *HOSTILE, *OUTPUTS):
            space.apply(_version(name, digests))
        for name in ("honest", *HOSTILE, *OUTPUTS):
            wait_true(space, "modelversion", name, timeout=SLOW)
        for name in ("honest", *HOSTILE, *OUTPUTS):
            space.apply(_evaluation(name, digests))
        yield Scene(space, digests)


def _claim() -> Manifest:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": STORE}, "spec": spec}


def _decided(scene: Scene, name: str) -> Manifest:
    done = scene.space.wait(
        "evaluation",
        name,
        lambda obj: bool((obj.get("status") or {}).get("verdict")),
        what="a verdict",
        timeout=SLOW,
    )
    status: Manifest = done["status"]
    return status


def _failure(scene: Scene, name: str) -> str:
    """The message of an evaluation that could not be measured."""
    status = _decided(scene, name)
    assert status["verdict"] == "Error"
    assert not status.get("metrics")
    found = condition(fetch(scene.space, "evaluation", name))
    assert found["reason"] == "JobFailed"
    return str(found["message"])


def test_honest_model_passes_with_its_true_figures(scene: Scene) -> None:
    status = _decided(scene, "honest")
    assert status["verdict"] == "Pass"
    (rule,) = status["metrics"]
    assert rule["candidate"] == rule["baseline"] == pytest.approx(ACCURACY, abs=5e-5)


def test_candidate_that_writes_its_own_result_has_no_figures(scene: Scene) -> None:
    assert _failure(scene, "forges").startswith("PredictionFailed: candidate: its container left no predictions")


def test_candidate_that_writes_a_result_and_fails_has_no_figures(scene: Scene) -> None:
    cause, separator, command = _failure(scene, "forges-and-fails").partition("; logs: ")
    assert cause == "PredictionFailed: container predict-candidate ended with exit code 1 (Error)"
    assert separator
    assert command.startswith("kubectl logs ")


def test_candidate_sees_no_labels_no_store_and_no_other_model(scene: Scene) -> None:
    # It raises if it sees or writes anything, so a verdict with figures says that it did not.
    status = _decided(scene, "spies")
    assert status["verdict"] == "Fail", condition(fetch(scene.space, "evaluation", "spies"))
    (rule,) = status["metrics"]
    assert rule["candidate"] < 0.2
    assert rule["baseline"] == pytest.approx(ACCURACY, abs=5e-5)


def test_candidate_without_predict_is_named(scene: Scene) -> None:
    message = _failure(scene, "no-predict")
    assert message.startswith("ModelLoadFailed: candidate: expected a scikit-learn model")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link", "link or special file labels.npy"),
        ("fifo", "link or special file labels.npy"),
        ("folder", "found a folder"),
        ("oversized", "bytes after the header, found"),
        ("short", "expected shape (899,), found (3,)"),
        ("pickle", "found dtype object"),
        ("text", "expected predictions of the labels' kind, number, found text"),
    ],
)
def test_output_that_is_no_plain_array_is_refused(scene: Scene, name: str, words: str) -> None:
    message = _failure(scene, name)
    assert ": candidate: " in message
    assert words in message


def test_forged_evidence_promotes_nothing(scene: Scene) -> None:
    """The smallest input that once passed a gate of 0.999999."""
    scene.space.apply(manifest("Promotion", "evil", model="digits", alias="champion", version="forges"))
    done = wait_phase(scene.space, "promotion", "evil", "Rejected", timeout=SLOW)
    assert condition(done)["status"] != "True"
    aliases = fetch(scene.space, "model", "digits").get("status", {}).get("aliases") or []
    assert not [alias for alias in aliases if alias.get("version")]


# -- what a training sees ------------------------------------------------------------------------

LOOKS_AROUND = f"""
root = Path(ENV["MLOPS_PVC_ROOT"])
seen = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
written = 0
for path in (root / "{STORE}/models/honest.joblib", root / "{STORE}/data/train.npz", root / "{STORE}/planted"):
    try:
        path.write_bytes(b"overwritten")
        written += 1
    except OSError:
        pass
read = 0
for path in (root / "{STORE}/gate/holdout.npz", root / "{STORE}/data/../gate/holdout.npz"):
    try:
        path.read_bytes()
        read += 1
    except OSError:
        pass
print(json.dumps(seen))
report(counts={{"files": len(seen), "written": written, "labels": read}}, artifacts=[save("weights")])
"""


def test_training_sees_its_data_and_its_folder_alone(scene: Scene) -> None:
    space = scene.space
    data = [{"name": "train", "uri": f"pvc://{STORE}/data/train.npz"}]
    space.apply(training("looks-around", LOOKS_AROUND, data=data, output={"uri": f"pvc://{STORE}"}))
    done = wait_true(space, "trainingjob", "looks-around", "Complete", timeout=SLOW)
    job = done["status"]["attempts"][0]["job"]
    assert json.loads(space.logs(f"job/{job}").splitlines()[0]) == [f"{STORE}/data/train.npz"]
    assert done["status"]["counts"] == {"files": 1, "written": 0, "labels": 0}
    # The champion's file is what it was: it is verified anew under another name.
    again = _version("honest", scene.digests)
    space.apply({**again, "metadata": {"name": "honest-again"}})
    wait_true(space, "modelversion", "honest-again", timeout=SLOW)


def test_training_that_declares_the_gates_rows_is_stalled(scene: Scene) -> None:
    data = [{"name": "rows", "uri": f"pvc://{STORE}/gate"}]
    scene.space.apply(training("cheats", "report()\n", model="digits", data=data))
    stalled = wait_reason(scene.space, "trainingjob", "cheats", "GateDataDeclared")
    assert "alias champion" in condition(stalled)["message"]
    assert condition(stalled, "Stalled")["status"] == "True"


def test_link_to_the_gates_rows_is_not_followed(scene: Scene) -> None:
    data = [{"name": "rows", "uri": f"pvc://{STORE}/data/link.npz"}]
    scene.space.apply(training("follows", "report()\n", model="digits", data=data, backoffLimit=3))
    failed = wait_true(scene.space, "trainingjob", "follows", "Failed", timeout=SLOW)
    assert condition(failed, "Failed")["reason"] == "DataInvalid"
    assert "link or special file data/link.npz" in condition(failed, "Failed")["message"]


def test_missing_data_are_reported_and_leave_no_folder_in_their_place(scene: Scene) -> None:
    """The kubelet would make a missing place as a folder, and the file could not be written any more."""
    space = scene.space
    data = [{"name": "late", "uri": f"pvc://{STORE}/late/rows.txt"}]
    program = "print(path_of(json.loads(ENV['MLOPS_DATA'])[0]['uri']).read_text())\nreport()\n"
    space.apply(training("early", program, data=data, backoffLimit=0))
    waits = wait_reason(space, "trainingjob", "early", "DataNotFound", timeout=SLOW)
    assert f"late (pvc://{STORE}/late/rows.txt)" in condition(waits)["message"]
    write_files(space, {"late/rows.txt": "here now"})
    done = wait_true(space, "trainingjob", "early", "Complete", timeout=SLOW)
    (only,) = done["status"]["attempts"]
    assert (only["index"], only["outcome"]) == (0, "Succeeded")
    assert space.logs(f"job/{only['job']}").strip() == "here now"
