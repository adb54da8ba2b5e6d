# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: namespaces, manifests, conditions, files on a claim, and a client."""

import hashlib
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from localcluster.images import base_reference
from localcluster.kubectl import Kubectl, Manifest
from mlops_operator.api.meta import API_VERSION, LABEL_UID

Found = TypeVar("Found")

WORKLOAD_IMAGE: Final = "localhost/mlops-workload:dev"
SCRIPTS: Final = Path(__file__).parent / "scripts"
STORE: Final = "mlops-artifacts"
"""The claim of the operator's artifact store."""

RUNNING: Final = 60.0
"""Seconds for something that takes a few on an idle machine; the tests share two cores."""

RESTRICTED_POD: Final[Manifest] = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "terminationGracePeriodSeconds": 1,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


@contextmanager
def new_namespace(kubectl: Kubectl, name: str, *, claims: tuple[str, ...] = (STORE,)) -> Iterator[Kubectl]:
    """A namespace that nobody else has, with these claims in it; it goes at the end, not waited for."""
    slug = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-")
    namespace = f"{slug}-{uuid.uuid4().hex[:5]}"
    kubectl.run("create", "namespace", namespace)
    inside = kubectl.in_namespace(namespace)
    for wanted in claims:
        inside.apply(claim(wanted))
    yield inside
    kubectl.run("delete", "namespace", namespace, "--wait=false")


def claim(name: str) -> Manifest:
    """A small PersistentVolumeClaim."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def manifest(kind: str, name: str, **spec: Any) -> Manifest:
    """An object of ours."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def training(name: str, program: str = "", **spec: Any) -> Manifest:
    """A TrainingJob that runs `program` in the base image, with the functions of `scripts/by_hand.py` at hand."""
    source = (SCRIPTS / "by_hand.py").read_text() + program
    return manifest(
        "TrainingJob",
        name,
        **{"image": base_reference(), "command": ["python3", "-c", source], "backoffLimit": 0, **spec},
    )


def condition(obj: Manifest, kind: str = "Ready") -> Manifest:
    """The condition of that type; empty where it is not there."""
    found = [entry for entry in (obj.get("status") or {}).get("conditions") or () if entry["type"] == kind]
    return dict(found[0]) if found else {}


def is_true(obj: Manifest, kind: str) -> bool:
    """Whether the condition of that type is `True` and speaks of the present spec."""
    found = condition(obj, kind)
    generation = obj["metadata"].get("generation", 0)
    return found.get("status") == "True" and found.get("observedGeneration", generation) == generation


def reason(obj: Manifest) -> str:
    """Reason of the `Ready` condition."""
    return str(condition(obj).get("reason", ""))


def patch(kubectl: Kubectl, kind: str, name: str, spec: Manifest) -> None:
    """Merge into an object's spec."""
    kubectl.run("patch", kind, name, "--type=merge", f"--patch={json.dumps({'spec': spec})}")


def fetch(kubectl: Kubectl, kind: str, name: str) -> Manifest:
    """The object, which must be there."""
    found = kubectl.get(kind, name)
    assert found is not None, f"{kind}/{name} is not there"
    return found


def wait_true(kubectl: Kubectl, kind: str, name: str, wanted: str = "Ready", *, timeout: float = RUNNING) -> Manifest:
    """The object once its condition `wanted` is true."""
    return kubectl.wait(kind, name, lambda obj: is_true(obj, wanted), what=f"to be {wanted}", timeout=timeout)


def wait_reason(kubectl: Kubectl, kind: str, name: str, wanted: str, *, timeout: float = RUNNING) -> Manifest:
    """The object once the reason of its `Ready` condition is `wanted`."""
    return kubectl.wait(kind, name, lambda obj: reason(obj) == wanted, what=f"the reason {wanted}", timeout=timeout)


def wait_phase(kubectl: Kubectl, kind: str, name: str, wanted: str, *, timeout: float = RUNNING) -> Manifest:
    """The object once `status.phase` is `wanted`."""
    return kubectl.wait(
        kind,
        name,
        lambda obj: (obj.get("status") or {}).get("phase") == wanted,
        what=f"the phase {wanted}",
        timeout=timeout,
    )


def wait_gone(kubectl: Kubectl, kind: str, *selection: str, timeout: float = RUNNING) -> None:
    """Return once no object of `kind` that `selection` (a name, or `-l` and a selector) names is there."""
    kubectl.run("wait", "--for=delete", kind, *selection, f"--timeout={timeout:.0f}s", timeout=timeout + 10)


def promptly(look: Callable[[], Found], accept: Callable[[Found], bool], *, within: float = RUNNING) -> Found:
    """What `look` finds once `accept` accepts it: for what cannot be watched.

    Raises:
        TimeoutError: it was not accepted in time; says what was found last.
    """
    deadline = time.monotonic() + within
    while True:
        found = look()
        if accept(found):
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {within:.0f} s; found last: {found!r}")
        time.sleep(0.2)


def of(obj: Manifest) -> str:
    """Selector of an object's children."""
    return f"{LABEL_UID}={obj['metadata']['uid']}"


def seconds_since_creation(obj: Manifest, moment: str) -> float:
    """Seconds from an object's creation to a timestamp of the API's, which have whole seconds."""
    return (
        datetime.fromisoformat(moment) - datetime.fromisoformat(obj["metadata"]["creationTimestamp"])
    ).total_seconds()


def digest(content: str | bytes) -> str:
    """Digest of a file with that content."""
    data = content.encode() if isinstance(content, str) else content
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def config_map(name: str, *scripts: str) -> Manifest:
    """A ConfigMap of scripts."""
    data = {script: (SCRIPTS / script).read_text() for script in scripts}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def write_files(kubectl: Kubectl, files: Mapping[str, str], *, claim_name: str = STORE) -> None:
    """Write files to a claim by a pod, replacing what is there; paths are relative to the claim's root."""
    name = f"write-{uuid.uuid4().hex[:5]}"
    program = (
        "import json, os, pathlib\n"
        "for name, text in json.loads(os.environ['FILES']).items():\n"
        "    path = pathlib.Path('/mnt/claim', name)\n"
        "    path.parent.mkdir(parents=True, exist_ok=True)\n"
        "    path.write_text(text)\n"
    )
    container = {
        "name": "main",
        "image": base_reference(),
        "command": ["python3", "-c", program],
        "env": [{"name": "FILES", "value": json.dumps(dict(files))}],
        "volumeMounts": [{"name": "claim", "mountPath": "/mnt/claim"}],
    }
    volumes = [{"name": "claim", "persistentVolumeClaim": {"claimName": claim_name}}]
    kubectl.apply(pod(name, container, volumes))
    done = kubectl.wait(
        "pod", name, lambda obj: obj["status"]["phase"] in ("Succeeded", "Failed"), what="to end", timeout=RUNNING
    )
    assert done["status"]["phase"] == "Succeeded", kubectl.logs(name)
    kubectl.run("delete", "pod", name, "--wait=false")


def version(name: str, model: str, path: str, content: str) -> Manifest:
    """A ModelVersion of a file of the store that should have this content."""
    artifact = {"uri": f"pvc://{STORE}/{path}", "digest": digest(content), "format": "json"}
    return manifest("ModelVersion", name, model=model, artifact=artifact)


def golden_requests(pairs: Sequence[tuple[float, float]]) -> str:
    """A document of golden requests: an input and the output that is expected, each."""

    def tensor(value: float) -> Manifest:
        return {"name": "x", "shape": [1], "datatype": "FP64", "data": [value]}

    requests = [{"inputs": [tensor(asked)], "outputs": [tensor(answer)]} for asked, answer in pairs]
    return json.dumps({"v": 1, "requests": requests})


def served(name: str, model: Manifest, **spec: Any) -> Manifest:
    """A ModelDeployment with `scripts/v2_server.py`, which has to be in the ConfigMap `server`, as its own server."""
    server = {"image": base_reference(), "command": ["python3", "/scripts/v2_server.py"]}
    container = {"name": "main", "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]}
    pods = {"containers": [container], "volumes": [{"name": "scripts", "configMap": {"name": "server"}}]}
    return manifest(
        "ModelDeployment", name, **{"model": model, "runtime": {"custom": server}, "template": {"spec": pods}, **spec}
    )


def pod(name: str, container: Manifest, volumes: list[Manifest]) -> Manifest:
    """A restricted pod that runs once."""
    spec = {**RESTRICTED_POD, "restartPolicy": "Never", "containers": [container], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def evict(kubectl: Kubectl, pod: str) -> None:
    """Ask for a pod's eviction, as a drain does.

    Raises:
        KubectlError: a disruption budget does not allow it now.
    """
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": kubectl.namespace}}
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{pod}/eviction"
    kubectl.run("create", f"--raw={path}", "-f", "-", stdin=json.dumps(body))


class Client:
    """A pod that runs `scripts/v2_client.py` against a served model, on `node` where one is given."""

    def __init__(self, kubectl: Kubectl, name: str, *, url: str, rate: float = 20.0, node: str | None = None) -> None:
        self._kubectl = kubectl
        self.name = name
        container = {
            "name": "main",
            "image": base_reference(),
            "command": ["python3", "/scripts/v2_client.py", f"--url={url}", f"--rate={rate}"],
            "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
        }
        kubectl.apply(config_map(name, "v2_client.py"))
        client = pod(name, container, [{"name": "scripts", "configMap": {"name": name}}])
        if node is not None:
            client["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
            client["spec"]["tolerations"] = [{"operator": "Exists"}]  # the control plane's node has a taint
        kubectl.apply(client)
        kubectl.wait("pod", name, lambda obj: is_true(obj, "Ready"), what="the client to run", timeout=RUNNING)

    def until(self, accept: Callable[[Manifest], bool], *, timeout: float = RUNNING) -> Manifest:
        """The first of its counts, from now on, that is accepted; it speaks once a second."""
        deadline = time.monotonic() + timeout
        counts: Manifest = {}
        command = self._kubectl.command("logs", "--follow", "--tail=1", self.name)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stdout or ():
                    counts = json.loads(line)
                    if accept(counts):
                        return counts
                    if time.monotonic() > deadline:
                        break
            finally:
                process.kill()
        raise TimeoutError(f"client {self.name}: nothing acceptable within {timeout:.0f} s; it said last: {counts}")

    def more(self, number: int) -> Manifest:
        """Its counts once it has had this many more answers than now."""
        answered = self.until(bool)["sent"]
        return self.until(lambda counts: bool(counts["sent"] >= answered + number))

    def stop(self) -> None:
        """End the pod."""
        self._kubectl.run("delete", "pod", self.name, "--ignore-not-found", "--wait=false")
