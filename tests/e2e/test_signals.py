# SPDX-License-Identifier: Apache-2.0
"""Whatever Python program a pod runs in our images, it ends when it is told to."""

import json

import pytest

from localcluster.images import base_reference
from localcluster.kubectl import Kubectl
from tests.e2e.support import RESTRICTED_POD, RUNNING, WORKLOAD_IMAGE, promptly

pytestmark = pytest.mark.timeout(300)

PROGRAM = "import time; print('up', flush=True); time.sleep(600)"
"""Has no handler of a signal: as the first process of its container it would ignore SIGTERM."""

CONTAINERS = {
    "code": (WORKLOAD_IMAGE, ["python3", "-c", PROGRAM]),
    "isolated": (WORKLOAD_IMAGE, ["python3", "-I", "-c", PROGRAM]),
    "shell": (WORKLOAD_IMAGE, ["sh", "-c", f'exec python3 -c "{PROGRAM}"']),
    "base": (base_reference(), ["python3", "-c", PROGRAM]),
    "operator": ("localhost/mlops-operator:dev", ["python3", "-c", PROGRAM]),
    "server": ("localhost/mlops-server:dev", ["python3", "-c", PROGRAM]),
}

UNHANDLED_SIGTERM = 143

FINALIZER = "example.test/read-first"
"""Keeps the deleted pod until its end was read."""


def test_a_program_without_a_handler_does_not_take_the_grace_period(space: Kubectl) -> None:
    restricted = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    containers = [
        {"name": name, "image": image, "command": command, "securityContext": restricted}
        for name, (image, command) in CONTAINERS.items()
    ]
    spec = {**RESTRICTED_POD, "terminationGracePeriodSeconds": 120, "restartPolicy": "Never", "containers": containers}
    metadata = {"name": "sleeper", "finalizers": [FINALIZER]}
    space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        space.wait("pod", "sleeper", lambda obj: obj["status"].get("phase") == "Running", what="to run")
        promptly(
            lambda: space.logs("sleeper", "--all-containers"), lambda text: text.split() == ["up"] * len(CONTAINERS)
        )
        space.run("delete", "pod", "sleeper", "--wait=false")
        ended = space.wait(
            "pod",
            "sleeper",
            lambda obj: all("terminated" in entry["state"] for entry in obj["status"]["containerStatuses"]),
            what="to end",
            timeout=RUNNING,
        )
    finally:
        space.run("patch", "pod", "sleeper", "--type=json", f"--patch={json.dumps([REMOVE_FINALIZERS])}")
    codes = {entry["name"]: entry["state"]["terminated"]["exitCode"] for entry in ended["status"]["containerStatuses"]}
    assert codes == dict.fromkeys(CONTAINERS, UNHANDLED_SIGTERM)


REMOVE_FINALIZERS = {"op": "remove", "path": "/metadata/finalizers"}
