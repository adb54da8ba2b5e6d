"""The chart's NetworkPolicies of workloads where a plug-in enforces them: what has to work works, nothing else does."""

from collections.abc import Iterator

import pytest

from demo.platform import ROOT, Platform
from localcluster.client import wait_for
from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    config_map,
    digest,
    golden_requests,
    manifest,
    new_namespace,
    of,
    pod,
    served,
    version,
    wait_true,
    write_files,
)
from tests.kind.nodes import PATIENT
from tests.kind.test_story import POLICY_SECONDS

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

CONTENT = '{"offset": 1}'
GOLDEN = golden_requests([(1.0, 2.0)])

DNS, DNS_METRICS = "kube-dns.kube-system.svc", 9153

CONNECT = """import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except OSError as error:
    print(f"no: {error}")
else:
    print("yes")
"""


def connects(space: Kubectl, name: str, host: str, port: int = 8080) -> bool:
    """Whether a connection from a pod to an address comes about."""
    found = space.run("exec", name, "--container=main", "--", "python3", "-c", CONNECT, host, str(port)).strip()
    assert found == "yes" or any(word in found for word in ("timed out", "refused", "unreachable")), found
    return found == "yes"


def policies(platform: Platform, namespace: str) -> str:
    """The manifests, as somebody renders them for a namespace that is made after the installation."""
    settings = {
        "enabled": "true",
        "namespaces": f"{{{namespace}}}",
        "clients[0].podSelector.matchLabels.role": "client",
    }
    return platform.helm(
        "template", "mlops-operator", str(ROOT / "helm/mlops-operator"),
        "--show-only=templates/workload-networkpolicies.yaml",
        *(f"--set=workloads.networkPolicy.{name}={value}" for name, value in settings.items()),
    )  # fmt: skip


def web(name: str, **labels: str) -> Manifest:
    """A pod that answers on port 8080, and from which others can be asked."""
    container = {
        "name": "main",
        "image": base_reference(),
        "command": ["python3", "-m", "http.server", "8080", "--directory", "/tmp"],
        "readinessProbe": {"tcpSocket": {"port": 8080}},
    }
    made = pod(name, container, [])
    made["metadata"]["labels"] = labels
    return made


@pytest.fixture(scope="module")
def space(platform: Platform) -> Iterator[Kubectl]:
    """A namespace with the policies, in which a model is served."""
    with new_namespace(platform.kubectl, "policies") as space:
        assert space.namespace is not None
        space.run("apply", "--server-side", "-f", "-", stdin=policies(platform, space.namespace))
        write_files(space, {"model.json": CONTENT, "golden.json": GOLDEN})
        space.apply(config_map("server", "v2_server.py"))
        space.apply(manifest("Model", "plus"))
        checked = version("plus-1", "plus", "model.json", CONTENT)
        checked["spec"]["goldenRequests"] = {"uri": f"pvc://{STORE}/golden.json", "digest": digest(GOLDEN)}
        space.apply(checked)
        space.apply(served("plus", {"name": "plus", "version": "plus-1"}, rollout={"golden": {"maxLatency": "30s"}}))
        space.apply(web("client", role="client"))
        space.apply(web("stranger"))
        yield space


@pytest.fixture(scope="module")
def server(space: Kubectl) -> Manifest:
    """The pod of the served model."""
    deployment = wait_true(space, "modeldeployment", "plus", timeout=PATIENT)
    space.run(
        "wait", "--for=condition=Ready", "pod/client", "pod/stranger", f"--timeout={PATIENT:.0f}s", timeout=PATIENT
    )
    (found,) = space.list("pod", f"{of(deployment)},app.kubernetes.io/component=server")
    return found


def test_a_model_is_verified_asked_its_golden_requests_and_served(space: Kubectl, server: Manifest) -> None:
    assert server["status"]["podIP"]
    deployment = space.get("modeldeployment", "plus")
    assert deployment is not None
    assert deployment["status"]["stable"]["golden"]["passed"] is True


def test_the_server_answers_clients_and_nobody_else(space: Kubectl, server: Manifest) -> None:
    address = server["status"]["podIP"]
    assert connects(space, "client", address)
    assert wait_for(lambda: not connects(space, "stranger", address), seconds=POLICY_SECONDS)


def test_the_server_reaches_nothing_but_dns(space: Kubectl, server: Manifest) -> None:
    stranger = space.get("pod", "stranger")
    assert stranger is not None
    address = stranger["status"]["podIP"]
    # Given a pod that others reach, and another port of DNS
    assert connects(space, "client", address)
    assert connects(space, "client", DNS, DNS_METRICS)
    # Then the server reaches neither, but finds the name
    assert not connects(space, server["metadata"]["name"], address)
    assert not connects(space, server["metadata"]["name"], DNS, DNS_METRICS)
    assert connects(space, server["metadata"]["name"], DNS, 53)
