# SPDX-License-Identifier: Apache-2.0
"""Every container of a pod counts: the status names the one that fails, flaps, or does not end."""

from collections.abc import Iterator

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    WORKLOAD_IMAGE,
    condition,
    config_map,
    manifest,
    new_namespace,
    patch,
    served,
    version,
    wait_reason,
    wait_true,
    write_files,
)
from tests.kind.nodes import PATIENT

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

CONTENT = '{"offset": 1}'


@pytest.fixture(scope="module")
def space(platform: Platform) -> Iterator[Kubectl]:
    with new_namespace(platform.kubectl, "containers") as space:
        yield space


def training(name: str, program: str, **side: object) -> Manifest:
    """A training with one more container where `side` says what it is."""
    image = {"image": WORKLOAD_IMAGE, "command": ["python3", "-c", program]}
    template = {"spec": {"containers": [{"name": "side", "image": WORKLOAD_IMAGE, **side}]}} if side else {}
    return manifest("TrainingJob", name, **image, backoffLimit=0, template=template)


def test_causes_name_the_container_its_exit_code_and_its_last_line(space: Kubectl) -> None:
    shell = {"command": ["sh", "-c", "echo starting; echo no such bucket; exit 7"]}
    space.apply(training("imports", "import torch"))
    space.apply(training("side-fails", "print('done')", **shell))
    space.apply(training("side-stays", "print('done')", command=["sh", "-c", "sleep 100"]))
    failed = condition(wait_true(space, "trainingjob", "imports", "Failed", timeout=PATIENT), "Failed")
    assert "Error (exit code 1): ModuleNotFoundError: No module named 'torch'" in failed["message"]
    failed = condition(wait_true(space, "trainingjob", "side-fails", "Failed", timeout=PATIENT), "Failed")
    assert "Error (exit code 7): container side: no such bucket" in failed["message"]
    kept = wait_reason(space, "trainingjob", "side-stays", "SidecarRunning", timeout=PATIENT)
    assert "container side runs on" in condition(kept)["message"]
    wait_true(space, "trainingjob", "side-stays", "Complete", timeout=PATIENT)


def test_a_candidate_whose_side_container_flaps_is_never_promoted(space: Kubectl) -> None:
    write_files(space, {"model.json": CONTENT})
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    space.apply(version("plus-1", "plus", "model.json", CONTENT))
    rollout = {"steps": [{"weight": 50, "pause": "20s"}], "progressDeadline": "4m"}
    light = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    space.apply(served("flaps", {"name": "plus", "version": "plus-1"}, resources=light, rollout=rollout))
    serving = wait_true(space, "modeldeployment", "flaps", timeout=PATIENT)
    pods = serving["spec"]["template"]["spec"]
    side = {"name": "side", "image": WORKLOAD_IMAGE, "command": ["sh", "-c", "sleep 12; echo lost the agent; exit 3"]}
    patch(
        space, "modeldeployment", "flaps", {"template": {"spec": {**pods, "containers": [*pods["containers"], side]}}}
    )
    stopped = space.wait(
        "modeldeployment",
        "flaps",
        lambda obj: (obj["status"].get("stopped") or {}).get("reason") == "ServerCrashed",
        what="to stop the candidate",
        timeout=PATIENT,
    )
    assert (
        "container side ended by itself (Error, exit code 3): lost the agent" in stopped["status"]["stopped"]["message"]
    )
    assert stopped["status"]["stable"]["revision"] == serving["status"]["stable"]["revision"]
