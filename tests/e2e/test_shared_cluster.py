# SPDX-License-Identifier: Apache-2.0
"""A team's namespace on a cluster that others use too: a quota on CPU and memory, and nothing but tainted nodes.

Its only claim is not the one of the operator's artifact store.
"""

from collections.abc import Iterator

import pytest

from localcluster.kubectl import Kubectl
from tests.e2e.support import new_namespace, write_files
from tests.e2e.whole_loop import FILES, whole_loop

pytestmark = pytest.mark.timeout(400)

STORE = "models"
TAINT = "pool.mlops-operator.test"
TOLERATIONS = [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]
HARD = {"requests.cpu": "2", "requests.memory": "2Gi", "limits.cpu": "2", "limits.memory": "2Gi"}


@pytest.fixture
def team(kubectl: Kubectl) -> Iterator[Kubectl]:
    """The namespace. While it is there, no pod without the toleration finds a node."""
    nodes = [node["metadata"]["name"] for node in kubectl.list("node")]
    with new_namespace(kubectl, "team", claims=(STORE,)) as space:
        write_files(space, FILES, claim_name=STORE)
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": HARD}}
        space.apply(quota)
        space.wait("resourcequota", "team", lambda obj: obj.get("status", {}).get("hard") == HARD, what="to hold")
        for node in nodes:
            kubectl.run("taint", "node", node, f"{TAINT}=others:NoSchedule", "--overwrite")
        try:
            yield space
        finally:
            for node in nodes:
                kubectl.run("taint", "node", node, f"{TAINT}-")


def test_the_whole_loop_runs_with_a_quota_and_on_tainted_nodes(team: Kubectl) -> None:
    pods = {"tolerations": TOLERATIONS}
    whole_loop(team, store=STORE, task_pods=pods, template={"spec": pods})
