# SPDX-License-Identifier: Apache-2.0
"""Files on a real volume: those of a version and of a run beyond the policy go, and those that they linked to stay."""

import json

import pytest

from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    RUNNING,
    STORE,
    WORKLOAD_IMAGE,
    fetch,
    manifest,
    patch,
    pod,
    wait_phase,
    wait_true,
)

pytestmark = [pytest.mark.timeout(500), pytest.mark.deep]

TRAIN = """
import os
from mlops_workload import run
from sklearn.linear_model import LogisticRegression
import numpy as np
with run() as r:
    x = np.arange(-20.0, 20.0).reshape(-1, 1)
    r.save_model(LogisticRegression(C=r.param("c", 1.0)).fit(x, (x[:, 0] > 0).astype(int)))
    own = os.path.join(os.environ["MLOPS_PVC_ROOT"], os.environ["MLOPS_OUTPUT_URI"].removeprefix("pvc://"))
    os.makedirs(os.path.join(own, "checkpoints", "deep"))
    for name, target in (("trainings", "../.."), ("store", "../../.."), ("checkpoints/trainings", "../../..")):
        os.symlink(target, os.path.join(own, name))
    os.chmod(os.path.join(own, "checkpoints", "deep"), 0)
    assert not r.param("fails", False)
"""


def training(name: str, c: float, *, fails: bool = False) -> Manifest:
    spec: Manifest = {
        "model": "sign",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", TRAIN],
        "parameters": {"c": c, "fails": fails},
        "backoffLimit": 0,
    }
    return manifest("TrainingJob", name, **spec)


def files(kubectl: Kubectl) -> list[str]:
    """Files and links on the claim, by a pod that sees all of it."""
    program = (
        "import json, os\n"
        "found = [os.path.relpath(os.path.join(at, name), '/mnt/claim')"
        " for at, folders, names in os.walk('/mnt/claim') for name in names"
        " + [name for name in folders if os.path.islink(os.path.join(at, name))]]\n"
        "print(json.dumps(sorted(found)))\n"
    )
    container = {
        "name": "main",
        "image": base_reference(),
        "command": ["python3", "-c", program],
        "volumeMounts": [{"name": "claim", "mountPath": "/mnt/claim"}],
    }
    kubectl.apply(pod("look", container, [{"name": "claim", "persistentVolumeClaim": {"claimName": STORE}}]))
    kubectl.wait("pod", "look", lambda obj: obj["status"]["phase"] == "Succeeded", what="to end", timeout=RUNNING)
    found: list[str] = json.loads(kubectl.logs("look"))
    kubectl.run("delete", "pod", "look", "--wait=true", "--grace-period=0")
    return found


def test_files_of_an_old_version_and_a_failed_run_go_and_what_they_linked_to_stays(space: Kubectl) -> None:
    policy = {"keepVersions": 0, "keepFor": "0s", "keepHistoryFor": "0s", "keepRunsFor": "0s", "grace": "1s"}
    alias = {"name": "champion", "bootstrap": True}
    space.apply(manifest("Model", "sign", aliases=[alias], retention=policy))
    versions, folders = [], []
    for index, name in enumerate(("champion", "old")):
        space.apply(training(name, c=index + 1.0))
        trained = wait_true(space, "trainingjob", name, "Complete", timeout=120)
        versions.append(trained["status"]["modelVersion"])
        verified = wait_true(space, "modelversion", versions[-1], timeout=120)
        folders.append(verified["status"]["runFolder"].removeprefix(f"pvc://{STORE}/"))
    space.apply(training("failed", c=3.0, fails=True))
    (attempt,) = wait_phase(space, "trainingjob", "failed", "Failed", timeout=120)["status"]["attempts"]
    folders.append(attempt["output"].removeprefix(f"pvc://{STORE}/").removesuffix("/0"))
    before = files(space)
    assert {entry.rsplit("/", 2)[0] for entry in before} >= {*folders}
    patch(space, "model", "sign", {"retention": {"mode": "Remove"}})
    wait_phase(space, "modelversion", versions[1], "Removed", timeout=180)

    def removed(model: Manifest) -> bool:
        retention = model["status"]["retention"]
        return bool(retention.get("removed") == 1 and (retention.get("runs") or {}).get("removed") == 1)

    done = space.wait("model", "sign", removed, what="to remove", timeout=180)
    kept = [entry for entry in before if entry.startswith(folders[0])]
    assert files(space) == kept
    assert len(kept) < len(before)
    assert done["status"]["retention"]["removedSize"] > 0
    assert fetch(space, "modelversion", versions[0])["status"]["phase"] == "Ready"
