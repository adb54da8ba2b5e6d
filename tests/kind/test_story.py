# SPDX-License-Identifier: Apache-2.0
"""The story of examples/digits on three nodes, and what only several nodes and a network plug-in show."""

import pytest

from demo.platform import Platform
from demo.story import NAMESPACE, Story
from localcluster.client import wait_for
from localcluster.kubectl import Kubectl, KubectlError, Manifest
from tests.harness.audit import AuditLog, select

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]

SPACE = "network"
WORKERS = 2
POLICY_SECONDS = 30.0
"""A plug-in learns of a policy by a watch, and writes its rules at once."""

DENY_ALL: Manifest = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}


def test_the_story_runs_on_three_nodes_and_its_writes_are_in_the_audit_log(platform: Platform, story: Story) -> None:
    log = AuditLog(platform.cluster.audit_log)
    story.run()
    figures = story.figures("Promote the better version again")
    assert figures["failed"] == 0
    assert figures["sent"] > 0
    nodes = {pod["spec"].get("nodeName") for pod in platform.kubectl.in_namespace(NAMESPACE).list("pod")}
    assert {node.rpartition("-")[2] for node in nodes if node} <= {"worker", "worker2"}
    assert sum(select(log.read(), namespace=NAMESPACE, writes=True).values()) > 0


def test_pods_of_two_nodes_reach_each_other_unless_a_policy_forbids_it(platform: Platform) -> None:
    cluster = platform.kubectl
    cluster.run("create", "namespace", SPACE)
    try:
        space = cluster.in_namespace(SPACE)
        for number in range(WORKERS):
            space.apply(server(number, node=f"{platform.cluster.name}-worker{number + 1 if number else ''}"))
        space.run("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
        pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in space.list("pod")}
        assert asks(space, "web-0", pods["web-1"])
        assert asks(space, "web-1", pods["web-0"])

        space.apply(DENY_ALL)
        assert wait_for(lambda: not asks(space, "web-0", pods["web-1"]), seconds=POLICY_SECONDS)
    finally:
        cluster.run("delete", "namespace", SPACE)


def server(number: int, *, node: str) -> Manifest:
    """A pod on a given node that answers on port 8080."""
    container = {
        "name": "main",
        "image": "localhost/mlops-workload:dev",
        "command": ["python3", "-m", "http.server", "8080", "--directory", "/tmp"],
    }
    spec = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 0}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"web-{number}"}, "spec": spec}


def asks(space: Kubectl, pod: str, address: str) -> bool:
    """Whether a pod gets an answer from an address."""
    code = f"import urllib.request as r; r.urlopen('http://{address}:8080', timeout=2)"
    try:
        space.run("exec", pod, "--", "python3", "-c", code)
    except KubectlError as error:
        if not any(word in str(error) for word in ("timed out", "refused")):
            raise
        return False
    return True
