# SPDX-License-Identifier: Apache-2.0
"""A registry that asks for credentials: the status says what is missing, and takes it when it is there."""

import base64
import json
from collections.abc import Iterator

import pytest

from localcluster.images import base_reference
from localcluster.kubectl import Kubectl
from tests.e2e.support import (
    RUNNING,
    condition,
    config_map,
    is_true,
    new_namespace,
    patch,
    pod,
    promptly,
    training,
    wait_reason,
)

pytestmark = [
    pytest.mark.deep,
    pytest.mark.native("the registry answers on the loopback of the one node, which pulls from there without TLS"),
]

REGISTRY = "localhost:5055"
IMAGE = f"{REGISTRY}/team/train:1"
AUTH = {"auths": {REGISTRY: {"auth": base64.b64encode(b"team:secret").decode()}}}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "pull"},
    "type": "kubernetes.io/dockerconfigjson",
    "stringData": {".dockerconfigjson": json.dumps(AUTH)},
}


@pytest.fixture(scope="module")
def registry(kubectl: Kubectl) -> Iterator[None]:
    """The registry, on the node's loopback: the container runtime speaks plain HTTP only there."""
    with new_namespace(kubectl, "registry", claims=()) as space:
        container = {
            "name": "main",
            "image": base_reference(),
            "command": ["python3", "/scripts/private_registry.py"],
            "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
            "readinessProbe": {"tcpSocket": {"port": 5055, "host": "127.0.0.1"}, "periodSeconds": 1},
        }
        space.apply(config_map("registry", "private_registry.py"))
        server = pod("registry", container, [{"name": "scripts", "configMap": {"name": "registry"}}])
        server["spec"]["hostNetwork"] = True
        space.apply(server)
        space.wait("pod", "registry", lambda obj: is_true(obj, "Ready"), what="to be ready", timeout=RUNNING)
        yield


@pytest.mark.usefixtures("registry")
def test_the_credentials_of_a_registry_are_asked_for_until_they_are_there(space: Kubectl) -> None:
    space.apply(training("private", image=IMAGE))
    told = wait_reason(space, "trainingjob", "private", "ImageUnavailable")
    assert "its registry asks for credentials: name a Secret" in condition(told)["message"]

    space.apply(SECRET)
    patch(space, "trainingjob", "private", {"template": {"spec": {"imagePullSecrets": [{"name": "pull"}]}}})

    def message() -> str:
        return str(condition(wait_reason(space, "trainingjob", "private", "ImageUnavailable"))["message"])

    admitted = promptly(message, lambda text: "not found" in text)
    assert "credentials" not in admitted
