# SPDX-License-Identifier: Apache-2.0
"""The servers of a revision as they are observed."""

import pytest

from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION
from mlops_operator.controllers.modeldeployment.policies import health
from mlops_operator.controllers.modeldeployment.servers import Servers, servers_of
from mlops_operator.controllers.shared.watches import trim_pod
from mlops_operator.kube.resources import DEPLOYMENTS, PODS
from mlops_operator.runtime.work.plan import Nodes
from tests.unit.controllers.builders import later, make
from tests.unit.controllers.nodes import unscheduled


def servers(*, replicas: int = 2, generation: int = 3, observed: int = 3, updated: int = 2, ready: int = 2) -> Servers:
    status = {"observedGeneration": observed, "replicas": 2, "updatedReplicas": updated, "readyReplicas": ready}
    return Servers(make(DEPLOYMENTS, "d", spec={"replicas": replicas}, status=status, generation=generation))


def test_they_are_complete_when_all_are_of_the_present_template_and_ready() -> None:
    assert servers().complete(2)


@pytest.mark.parametrize(
    "lacking",
    [servers(observed=2), servers(replicas=3), servers(updated=1), servers(ready=1), Servers()],
    ids=["counts of a former spec", "scaled to another count", "old template", "not ready", "no deployment"],
)
def test_otherwise_they_are_not(lacking: Servers) -> None:
    assert not lacking.complete(2)


def test_servers_that_are_being_deleted_are_not_complete_however_ready() -> None:
    going = servers()
    assert going.deployment is not None
    going.deployment["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert not going.complete(2)


def test_what_is_too_large_for_every_node_is_told_of_pods_whose_spec_is_not_kept() -> None:
    labels = {LABEL_REVISION: "r"}
    large = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "64"}}}]}
    spec = {"replicas": 1, "template": {"spec": large}}
    short = unscheduled("0/1 nodes are available: 1 Insufficient cpu.")
    pod = trim_pod(make(PODS, "p", spec=large, labels=labels, status={"phase": "Pending", "conditions": [short]}))
    found = servers_of("r", deployments=[make(DEPLOYMENTS, "d", spec=spec, labels=labels)], pods=[pod])
    node = {"metadata": {"name": "worker"}, "status": {"allocatable": {"cpu": "4"}}}
    told = health.waiting(found, reads={Nodes(): [node]}, now=later(5))
    words = "no node can run the pod: it requests 64 cpu, the largest node has 4"
    assert told == health.Trouble("Unschedulable", words)
