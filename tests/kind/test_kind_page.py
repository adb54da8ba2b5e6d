# SPDX-License-Identifier: Apache-2.0
"""docs/how-to/kind.md tried as it stands: its shared folder on three nodes, and what a failing `kind create` says."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from demo.platform import IMAGES, ROOT
from localcluster import Cluster
from localcluster.errors import ClusterNotCreated
from localcluster.kindhost.failure import LINES
from localcluster.kubectl import Kubectl
from localcluster.progress import OnConsole
from tests.e2e.support import STORE, pod
from tests.kind.nodes import PATIENT

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1200)]

PAGE: Final = (ROOT / "docs/how-to/kind.md").read_text()
SHARED: Final = "/srv/mlops-store"
"""The folder of the machine that the page names."""

NOT_A_SUBNET: Final = """
kubeadmConfigPatchesJSON6902:
- group: kubeadm.k8s.io
  version: v1beta4
  kind: ClusterConfiguration
  patch: |
    - {op: replace, path: /networking/podSubnet, value: not-a-subnet}
"""


def block(title: str) -> str:
    """The YAML block of the page that begins with a comment."""
    found = re.search(rf"^```yaml\n(# {re.escape(title)}.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of the page, with another folder of the machine in its place."""
    store = tmp_path_factory.mktemp("store")
    store.chmod(0o777)
    config = tmp_path_factory.mktemp("config") / "nodes.yaml"
    config.write_text(block("nodes.yaml").replace(f"hostPath: {SHARED}", f"hostPath: {store}"))
    with Cluster("mlops-page", "kind", config=config, progress=OnConsole()) as cluster:
        yield cluster


def test_a_file_that_is_written_on_one_worker_is_read_on_the_other(cluster: Cluster) -> None:
    started = time.monotonic()
    cluster.load_images(IMAGES)
    print(f"four images to three nodes: {time.monotonic() - started:.0f} s")
    kubectl = Kubectl(cluster.clients() / "kubectl", cluster.kubeconfig)
    names = [node["metadata"]["name"] for node in kubectl.list("node")]
    workers = [name for name in names if "worker" in name]
    assert (len(names), len(workers)) == (3, 2)
    space = kubectl.in_namespace("default")
    space.run("apply", "-f", "-", stdin=block("store.yaml"))
    for node, command in zip(workers, ("echo shared > /store/file", "cat /store/file"), strict=True):
        container = {
            "name": "main",
            "image": "localhost/mlops-workload:dev",
            "command": ["sh", "-c", command],
            "volumeMounts": [{"name": "store", "mountPath": "/store"}],
        }
        made = pod(node, container, [{"name": "store", "persistentVolumeClaim": {"claimName": STORE}}])
        made["spec"]["nodeName"] = node
        space.apply(made)
        ended = space.wait(
            "pod", node, lambda obj: obj["status"]["phase"] in ("Succeeded", "Failed"), what="to end", timeout=PATIENT
        )
        assert ended["status"]["phase"] == "Succeeded", space.logs(node)
    assert space.logs(workers[1]).strip() == "shared"


def test_a_failing_create_says_why_in_at_most_20_lines(tmp_path: Path) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text(NOT_A_SUBNET)
    cluster = Cluster("mlops-broken", "kind", patches=[patch], progress=OnConsole())
    try:
        with pytest.raises(ClusterNotCreated) as failed:
            cluster.up()
    finally:
        cluster.down()
    print(failed.value)
    _, *cause = failed.value.problem.splitlines()
    assert len(cause) <= LINES
    assert "not-a-subnet" in "\n".join(cause)
