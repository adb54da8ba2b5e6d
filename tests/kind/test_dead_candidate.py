"""The node of a new version dies in a step: the former version goes on answering, whatever its pods say."""

from collections.abc import Iterator

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import (
    STORE,
    WORKLOAD_IMAGE,
    Client,
    config_map,
    is_true,
    manifest,
    new_namespace,
    of,
    patch,
    served,
    version,
)
from tests.kind.nodes import PATIENT, killed, leader

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

CONTENT = '{"offset": 1}'
GIVEN_UP = ("CandidateUnavailable", "ProgressDeadlineExceeded")
"""Its pods did not answer when they were asked, or were known not to be ready before."""

SHARED = "/var/lib/mlops-test"
"""A folder of each node: with the same file on both, a claim that is on every node."""


@pytest.fixture
def space(platform: Platform) -> Iterator[Kubectl]:
    """A namespace whose artifact store is on both workers."""
    with new_namespace(platform.kubectl, "dead-candidate", claims=()) as space:
        volume = f"{space.namespace}-store"
        shared = {"capacity": {"storage": "10Mi"}, "accessModes": ["ReadWriteMany"]}
        spec = {**shared, "hostPath": {"path": f"{SHARED}/{volume}", "type": "DirectoryOrCreate"}}
        space.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": spec})
        claim = {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": volume,
            "resources": {"requests": {"storage": "10Mi"}},
        }
        space.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": STORE}, "spec": claim})
        for node in ("worker", "worker2"):
            write(space, node=f"{platform.cluster.name}-{node}")
        yield space
    platform.kubectl.run("delete", "persistentvolume", volume, "--wait=false")


def write(space: Kubectl, *, node: str) -> None:
    """Write the model's file to the store as it is on one node."""
    name = f"write-{node.rpartition('-')[2]}"
    container = {
        "name": "main",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", f"open('/store/model.json', 'w').write({CONTENT!r})"],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "store", "mountPath": "/store"}],
    }
    volumes = [{"name": "store", "persistentVolumeClaim": {"claimName": STORE}}]
    spec = {"nodeName": node, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    space.wait("pod", name, lambda obj: obj["status"]["phase"] == "Succeeded", what="to write", timeout=PATIENT)


def serving(space: Kubectl, *, ready: int = 2) -> Manifest:
    return space.wait(
        "modeldeployment",
        "pair",
        lambda obj: is_true(obj, "Ready") and obj["status"].get("readyReplicas") == ready,
        what=f"{ready} servers",
        timeout=PATIENT,
    )


def test_a_candidate_whose_node_dies_in_a_step_never_takes_over(platform: Platform, space: Kubectl) -> None:
    staying = str(leader(platform)["spec"]["nodeName"])
    dying = next(
        name for name in (f"{platform.cluster.name}-worker", f"{platform.cluster.name}-worker2") if name != staying
    )
    space.apply(config_map("server", "v2_server.py"))
    space.apply(manifest("Model", "plus"))
    space.apply(version("plus-1", "plus", "model.json", CONTENT))
    light = {"requests": {"cpu": "20m", "memory": "32Mi"}}
    deployment = served(
        "pair",
        {"name": "plus", "version": "plus-1"},
        replicas=2,
        resources=light,
        nodeSelector={"kubernetes.io/hostname": staying},
        # As short as a step can be: its end comes before the cluster notices that the node is dead, or soon after.
        rollout={"steps": [{"weight": 50, "pause": "5s"}], "progressDeadline": "60s"},
    )
    space.apply(deployment)
    before = serving(space)
    client = Client(space, "pair-client", url="http://pair/v2/models/plus/infer", node=staying)
    client.more(20)

    patch(space, "modeldeployment", "pair", {"nodeSelector": {"kubernetes.io/hostname": dying}})
    space.wait(
        "modeldeployment",
        "pair",
        lambda obj: (obj["status"].get("candidate") or {}).get("phase") == "Stepping",
        what="a step",
        timeout=PATIENT,
    )
    with killed(platform, dying):
        stopped = space.wait(
            "modeldeployment",
            "pair",
            lambda obj: (obj["status"].get("stopped") or {}).get("reason") in GIVEN_UP,
            what="to give the candidate up",
            timeout=PATIENT,
        )
        print(f"the candidate was given up: {stopped['status']['stopped']['reason']}")
        assert stopped["status"]["stable"]["revision"] == before["status"]["stable"]["revision"]
        client.more(5)
        failed = client.until(bool)["failed"]
        counts = client.more(40)
        assert counts["failed"] == failed, counts
        ready = [pod for pod in space.list("pod", of(stopped)) if is_true(pod, "Ready")]
        assert [pod["spec"]["nodeName"] for pod in ready if pod["spec"]["nodeName"] == staying]
