"""What happens to the nodes of a kind cluster, and where the operator is."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo.platform import SYSTEM_NAMESPACE, Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import is_true

PATIENT = 180.0
"""Seconds for what takes seconds on an idle machine: three nodes share two cores."""


def docker(platform: Platform, *arguments: str) -> None:
    """Run docker against the Docker that has the nodes."""
    platform.cluster.engine().docker(*arguments)  # type: ignore[attr-defined]


def leader(platform: Platform) -> Manifest:
    """The operator's pod."""
    system = platform.kubectl.in_namespace(SYSTEM_NAMESPACE)
    (pod,) = [pod for pod in system.list("pod", "app.kubernetes.io/name=mlops-operator") if is_true(pod, "Ready")]
    return pod


@contextmanager
def drained(cluster: Kubectl, node: str) -> Iterator[None]:
    cluster.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", timeout=PATIENT)
    try:
        yield
    finally:
        cluster.run("uncordon", node)


@contextmanager
def killed(platform: Platform, node: str) -> Iterator[None]:
    """The node's machine is off until the end; then it is a node like before."""
    docker(platform, "kill", node)
    try:
        yield
    finally:
        docker(platform, "start", node)
        platform.kubectl.run("wait", "--for=condition=Ready", f"node/{node}", f"--timeout={PATIENT:.0f}s")


@contextmanager
def out_of_service(cluster: Kubectl, node: str) -> Iterator[None]:
    """What a person does about a node that is shut down."""
    taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
    cluster.run("taint", "node", node, taint)
    try:
        yield
    finally:
        cluster.run("taint", "node", node, f"{taint}-")
