# SPDX-License-Identifier: Apache-2.0
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


def workers(platform: Platform) -> tuple[str, str]:
    """The names of both workers."""
    return f"{platform.cluster.name}-worker", f"{platform.cluster.name}-worker2"


def leader(platform: Platform) -> Manifest:
    """The operator's pod."""
    system = platform.kubectl.in_namespace(SYSTEM_NAMESPACE)
    (pod,) = [pod for pod in system.list("pod", "app.kubernetes.io/name=mlops-operator") if is_true(pod, "Ready")]
    return pod


def operators_and_other(platform: Platform) -> tuple[str, str]:
    """The worker on which the operator runs, and the other one."""
    staying = str(leader(platform)["spec"]["nodeName"])
    return staying, next(name for name in workers(platform) if name != staying)


@contextmanager
def drained(cluster: Kubectl, node: str) -> Iterator[None]:
    try:
        cluster.run("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", timeout=PATIENT)
        yield
    finally:
        cluster.run("uncordon", node)


def not_ready(platform: Platform, node: str) -> None:
    """Wait until the cluster has noticed that a node does not answer; its pods get no requests from then on."""
    limit = f"--timeout={PATIENT:.0f}s"
    platform.kubectl.run("wait", "--for=condition=Ready=Unknown", f"node/{node}", limit, timeout=PATIENT + 10)


def ready_again(platform: Platform, node: str) -> None:
    """Wait until a node that something happened to is one like before."""
    limit = f"--timeout={PATIENT:.0f}s"
    platform.kubectl.run("wait", "--for=condition=Ready", f"node/{node}", limit, timeout=PATIENT + 10)


@contextmanager
def killed(platform: Platform, node: str) -> Iterator[None]:
    """The node's machine is off until the end; then it is a node like before."""
    docker(platform, "kill", node)
    try:
        yield
    finally:
        docker(platform, "start", node)
        ready_again(platform, node)


@contextmanager
def cut_off(platform: Platform, node: str) -> Iterator[None]:
    """No packet leaves the node or reaches it; what runs on it runs on."""
    try:
        with dropped(platform, node, input='iifname "eth0"', output='oifname "eth0"', forward="meta nfproto ipv4"):
            yield
    finally:
        ready_again(platform, node)


@contextmanager
def dropped(platform: Platform, node: str, **packets: str) -> Iterator[None]:
    """The node drops these packets, by netfilter hook, in a table of its own: others rewrite theirs all the time."""
    rules = [
        f"add chain inet cut {hook} {{ type filter hook {hook} priority -300; }}; add rule inet cut {hook} {match} drop"
        for hook, match in packets.items()
    ]
    docker(platform, "exec", node, "nft", "; ".join(["add table inet cut", *rules]))
    try:
        yield
    finally:
        docker(platform, "exec", node, "nft", "delete table inet cut")


@contextmanager
def frozen_runtime(platform: Platform, node: str) -> Iterator[None]:
    """The container runtime of the node stands still: containers run on, and the kubelet learns nothing of them."""
    docker(platform, "exec", node, "pkill", "-STOP", "-x", "containerd")
    try:
        yield
    finally:
        docker(platform, "exec", node, "pkill", "-CONT", "-x", "containerd")
        ready_again(platform, node)


@contextmanager
def out_of_service(cluster: Kubectl, node: str) -> Iterator[None]:
    """What a person does about a node that is shut down."""
    taint = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
    cluster.run("taint", "node", node, taint)
    try:
        yield
    finally:
        cluster.run("taint", "node", node, f"{taint}-")


APART: Manifest = {
    "metadata": {"labels": {"test": "gang"}},
    "spec": {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 100,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"test": "gang"}},
                        },
                    }
                ]
            }
        }
    },
}
"""A pod template that puts the ranks of a gang on different nodes where there are two."""


@contextmanager
def labeled(cluster: Kubectl, node: str, label: str) -> Iterator[None]:
    """The node has a label more, until the end."""
    cluster.run("label", "node", node, label)
    try:
        yield
    finally:
        cluster.run("label", "node", node, f"{label.partition('=')[0]}-")
