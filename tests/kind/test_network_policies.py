# SPDX-License-Identifier: Apache-2.0
"""The chart's NetworkPolicies where a plug-in enforces them: what has to work works, nothing else does."""

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from demo.platform import ROOT, SYSTEM_NAMESPACE, Platform
from localcluster.client import wait_for
from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    config_map,
    digest,
    fetch,
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
from tests.kind.nodes import PATIENT, leader
from tests.kind.test_story import POLICY_SECONDS

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]

CONTENT = '{"offset": 1}'
GOLDEN = golden_requests([(1.0, 2.0)])

DNS_METRICS = 9153

CONNECT = """import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except OSError as error:
    print(f"no: {error}")
else:
    print("yes")
"""


def connects(space: Kubectl, name: str, host: str, port: int) -> bool:
    """Whether a connection from a pod to an address comes about."""
    found = space.run("exec", name, "--", "python3", "-c", CONNECT, host, str(port)).strip()
    assert found == "yes" or any(word in found for word in ("timed out", "refused", "unreachable")), found
    return found == "yes"


def becomes(space: Kubectl, name: str, host: str, port: int, *, allowed: bool) -> bool:
    """Whether connections come about as they should, once the plug-in has the policies."""
    return wait_for(lambda: connects(space, name, host, port) == allowed, seconds=POLICY_SECONDS)


def policies(platform: Platform, namespace: str) -> str:
    """The manifests, as somebody renders them for a namespace that is made after the installation."""
    settings = {
        "enabled": "true",
        "namespaces": f"{{{namespace}}}",
        "clients[0].podSelector.matchLabels.role": "client",
        "egress[0].to[0].podSelector.matchLabels.role": "store",
        "egress[0].ports[0].port": "8080",
    }
    values = {f"workloads.networkPolicy.{name}": value for name, value in settings.items()}
    return rendered(platform, "workload-networkpolicies", values)


def operators_policy(platform: Platform, metrics_from: str) -> str:
    """The manifest of the operator's own policy, by which one namespace may read its metrics."""
    peer = "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name"
    return rendered(platform, "networkpolicy", {"networkPolicy.enabled": "true", peer: metrics_from})


def rendered(platform: Platform, template: str, values: Mapping[str, str]) -> str:
    """A template of the chart with these values."""
    return platform.helm(
        "template", "mlops-operator", str(ROOT / "helm/mlops-operator"), f"--namespace={SYSTEM_NAMESPACE}",
        f"--show-only=templates/{template}.yaml", *(f"--set={name}={value}" for name, value in values.items()),
    )  # fmt: skip


PODS: Final[Mapping[str, Mapping[str, str]]] = {
    "client": {"role": "client"},
    "stranger": {},
    "store": {"role": "store"},
    **{
        component: {"app.kubernetes.io/managed-by": "mlops-operator", "app.kubernetes.io/component": component}
        for component in ("verify", "evaluate", "monitor", "golden", "training")
    },
}
"""Pods that stay, with the labels of those that the operator makes and of others in the namespace."""


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
        for name, labels in PODS.items():
            space.apply(web(name, **labels))
        yield space


@pytest.fixture(scope="module")
def server(space: Kubectl) -> Manifest:
    """The pod of the served model."""
    deployment = wait_true(space, "modeldeployment", "plus", timeout=PATIENT)
    names = [f"pod/{name}" for name in PODS]
    space.run("wait", "--for=condition=Ready", *names, f"--timeout={PATIENT:.0f}s", timeout=PATIENT)
    (found,) = space.list("pod", f"{of(deployment)},app.kubernetes.io/component=server")
    return found


@pytest.fixture(scope="module")
def addresses(platform: Platform, space: Kubectl, server: Manifest) -> dict[str, str]:
    """Where everything is, by numbers, so that no row depends on DNS."""
    found = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in space.list("pod") if pod["status"].get("podIP")}
    for name, service, namespace in (("api", "kubernetes", "default"), ("dns", "kube-dns", "kube-system")):
        found[name] = fetch(platform.kubectl.in_namespace(namespace), "service", service)["spec"]["clusterIP"]
    return {**found, "server": server["status"]["podIP"]}


def test_a_model_is_verified_asked_its_golden_requests_and_served(space: Kubectl, server: Manifest) -> None:
    assert server["status"]["podIP"]
    deployment = space.get("modeldeployment", "plus")
    assert deployment is not None
    assert deployment["status"]["stable"]["golden"]["passed"] is True


TABLE = [
    # from, to, port, allowed
    ("client", "server", 8080, True),
    ("golden", "server", 8080, True),
    ("stranger", "server", 8080, False),
    ("training", "server", 8080, False),
    ("verify", "server", 8080, False),
    ("verify", "store", 8080, False),
    ("verify", "stranger", 8080, False),
    ("verify", "dns", 53, False),
    ("verify", "api", 443, False),
    ("client", "verify", 8080, False),
    ("evaluate", "server", 8080, False),
    ("evaluate", "store", 8080, False),
    ("evaluate", "stranger", 8080, False),
    ("evaluate", "dns", 53, False),
    ("evaluate", "api", 443, False),
    ("client", "evaluate", 8080, False),
    ("monitor", "server", 8080, False),
    ("monitor", "store", 8080, False),
    ("monitor", "stranger", 8080, False),
    ("monitor", "dns", 53, False),
    ("monitor", "api", 443, False),
    ("client", "monitor", 8080, False),
    ("golden", "store", 8080, False),
    ("golden", "stranger", 8080, False),
    ("golden", "dns", 53, True),
    ("golden", "dns", DNS_METRICS, False),
    ("golden", "api", 443, False),
    ("stranger", "golden", 8080, False),
    ("server", "store", 8080, True),
    ("server", "stranger", 8080, False),
    ("server", "dns", 53, True),
    ("server", "dns", DNS_METRICS, False),
    ("server", "api", 443, False),
    ("server", "evaluate", 8080, False),
    ("training", "stranger", 8080, True),
    ("stranger", "store", 8080, True),
    ("stranger", "dns", 53, True),
    ("stranger", "dns", DNS_METRICS, True),
    ("stranger", "api", 443, True),
]
"""A row that is allowed shows that the address answers, so that the others mean the policy."""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} to {row[1]} port {row[2]}")
def test_who_reaches_whom(
    space: Kubectl, server: Manifest, addresses: dict[str, str], row: tuple[str, str, int, bool]
) -> None:
    source, target, port, allowed = row
    name = server["metadata"]["name"] if source == "server" else source
    assert becomes(space, name, addresses[target], port, allowed=allowed)


OPERATORS_TABLE = [
    ("operator", "api", 443, True),
    ("operator", "dns", 53, True),
    ("operator", "server", 8080, False),
    ("operator", "stranger", 8080, False),
    ("client", "operator", 8080, True),
    ("elsewhere", "operator", 8080, False),
]


def test_the_operator_reaches_the_api_server_and_dns_and_one_namespace_its_metrics(
    platform: Platform, space: Kubectl, addresses: dict[str, str]
) -> None:
    assert space.namespace is not None
    system = platform.kubectl.in_namespace(SYSTEM_NAMESPACE)
    found = leader(platform)
    known = {**addresses, "operator": found["status"]["podIP"]}
    with new_namespace(platform.kubectl, "elsewhere", claims=()) as elsewhere:
        elsewhere.apply(web("elsewhere"))
        elsewhere.run("wait", "--for=condition=Ready", "pod/elsewhere", f"--timeout={PATIENT:.0f}s", timeout=PATIENT)
        sources = {"operator": (system, found["metadata"]["name"]), "elsewhere": (elsewhere, "elsewhere")}
        assert connects(elsewhere, "elsewhere", known["operator"], 8080)
        assert connects(system, found["metadata"]["name"], known["stranger"], 8080)
        policy = operators_policy(platform, space.namespace)
        system.run("apply", "--server-side", "-f", "-", stdin=policy)
        try:
            for source, target, port, allowed in OPERATORS_TABLE:
                kubectl, name = sources.get(source, (space, source))
                assert becomes(kubectl, name, known[target], port, allowed=allowed), (source, target, port)
            # And the operator works on: it answers for a new object
            space.apply(manifest("Model", "another"))
            wait_true(space, "model", "another", timeout=PATIENT)
        finally:
            system.run("delete", "-f", "-", stdin=policy)
