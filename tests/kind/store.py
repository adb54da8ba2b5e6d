# SPDX-License-Identifier: Apache-2.0
"""An artifact store that is on every worker: what is read from it does not depend on where a pod runs."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from demo.platform import Platform
from localcluster.kubectl import Kubectl
from tests.e2e.support import STORE, WORKLOAD_IMAGE, new_namespace
from tests.kind.nodes import PATIENT, workers

SHARED = "/var/lib/mlops-test"
"""A folder of each node: with the same files on all, a claim that is on every node."""

WRITE = """
import base64, json, os, pathlib
for name, content in json.loads(os.environ["FILES"]).items():
    path = pathlib.Path("/store", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(content))
os.system("chmod -R a+rwX /store")
"""


@contextmanager
def namespace_with_store(platform: Platform, name: str, files: Mapping[str, bytes]) -> Iterator[Kubectl]:
    """A namespace whose artifact store holds these files on every worker."""
    with new_namespace(platform.kubectl, name, claims=()) as space:
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
        for node in workers(platform):
            write(space, files, node=node)
        yield space
    platform.kubectl.run("delete", "persistentvolume", volume, "--wait=false")


def write(space: Kubectl, files: Mapping[str, bytes], *, node: str) -> None:
    """Write files to the store as it is on one node."""
    name = f"write-{node.rpartition('-')[2]}"
    encoded = {path: base64.b64encode(content).decode() for path, content in files.items()}
    container = {
        "name": "main",
        "image": WORKLOAD_IMAGE,
        "command": ["python3", "-c", WRITE],
        "env": [{"name": "FILES", "value": json.dumps(encoded)}],
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "store", "mountPath": "/store"}],
    }
    volumes = [{"name": "store", "persistentVolumeClaim": {"claimName": STORE}}]
    spec = {"nodeName": node, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    space.wait("pod", name, lambda obj: obj["status"]["phase"] == "Succeeded", what="to write", timeout=PATIENT)
