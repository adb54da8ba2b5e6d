# SPDX-License-Identifier: Apache-2.0
"""Flux's kustomize-controller, the real one, beside a cluster.

source-controller is not run: its part is to fetch a Git repository and to write into the status of a GitRepository
where the archive of a revision is. Here a revision is a mapping of files, the archive is served on loopback, and
the status is written by the test. CRDs of source-controller are stand-ins without a schema.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localcluster.kubectl import Kubectl, Manifest
from localcluster.progress import Quiet
from localcluster.tools import ensure_flux, module_folder
from localcluster.tools.catalog import FLUX_MODULE

KUSTOMIZATION = "kustomizations.kustomize.toolkit.fluxcd.io"
REPOSITORY = "gitrepositories.source.toolkit.fluxcd.io"
SOURCES = ("GitRepository", "OCIRepository", "Bucket", "ExternalArtifact")

APPLIED = "server-side apply completed"
"""Message of the log line that has what became of each object."""

NAME = "models"


@dataclass
class Flux:
    """A Git repository and the Kustomization of it, in one namespace.

    Attributes:
        kubectl: speaks to the cluster, in that namespace.
        log: the file that kustomize-controller writes to.
        address: where archives are served.
        archives: what is served there, by path.
    """

    kubectl: Kubectl
    log: Path
    address: str
    archives: dict[str, bytes]
    commits: int = field(default=0, init=False)

    def commit(self, files: Mapping[str, str], *, timeout: int = 60, interval: str = "10m") -> Manifest:
        """Make `files` the newest revision; the condition `Ready` of the Kustomization once it has judged that.

        Args:
            files: contents by path; without a `kustomization.yaml` Flux takes all YAML files.
            timeout: seconds of the Kustomization, within which all objects have to become ready.
            interval: of the Kustomization, after which a revision is applied again.
        """
        self.commits += 1
        archive = archive_of(files)
        revision = f"main@sha1:{hashlib.sha1(archive + bytes([self.commits]), usedforsecurity=False).hexdigest()}"
        path = f"/{self.commits}.tar.gz"
        self.archives[path] = archive
        self._declare(timeout, interval)
        self._publish(path, revision)
        return self.judged(revision, within=timeout + 60.0)

    def judged(self, revision: str, *, within: float) -> Manifest:
        """The condition `Ready` of the Kustomization once it is True or False of a revision."""

        def ready(obj: Manifest) -> Manifest:
            conditions = (obj.get("status") or {}).get("conditions") or ()
            return next((entry for entry in conditions if entry["type"] == "Ready"), {})

        obj = self.kubectl.wait(
            KUSTOMIZATION,
            NAME,
            lambda obj: (
                (obj.get("status") or {}).get("lastAttemptedRevision") == revision
                and ready(obj).get("status") in ("True", "False")
            ),
            what=f"a judgment on {revision}",
            timeout=within,
        )
        return ready(obj)

    def applied(self) -> list[dict[str, str]]:
        """What became of each object at each time when objects were applied: `KIND/NAMESPACE/NAME` -> `created`, ..."""
        entries = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [dict(entry["output"]) for entry in entries if entry["msg"] == APPLIED]

    def remove(self) -> None:
        """Delete the Kustomization, which prunes all that it applied, and wait until it is gone."""
        self.kubectl.run("delete", KUSTOMIZATION, NAME, "--ignore-not-found", "--timeout=120s", timeout=130)

    def _declare(self, timeout: int, interval: str) -> None:
        spec = {"interval": "10m", "url": "https://git.example.com/models"}
        self.kubectl.apply(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": NAME},
                "spec": spec,
            }
        )
        self.kubectl.apply(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": NAME},
                "spec": {
                    "sourceRef": {"kind": "GitRepository", "name": NAME},
                    "path": "./",
                    "targetNamespace": self.kubectl.namespace,
                    "interval": interval,
                    "retryInterval": "5s",
                    "timeout": f"{timeout}s",
                    "prune": True,
                    "wait": True,
                },
            }
        )

    def _publish(self, path: str, revision: str) -> None:
        content = self.archives[path]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "stored artifact",
            "lastTransitionTime": now,
        }
        artifact = {
            "path": path.lstrip("/"),
            "url": self.address + path,
            "revision": revision,
            "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            "size": len(content),
            "lastUpdateTime": now,
        }
        status = {"observedGeneration": 1, "conditions": [ready], "artifact": artifact}
        patch = json.dumps({"status": status})
        self.kubectl.run("patch", REPOSITORY, NAME, "--subresource=status", "--type=merge", f"--patch={patch}")


def archive_of(files: Mapping[str, str]) -> bytes:
    """A tar.gz of files, as source-controller makes one of a revision."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, text in sorted(files.items()):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


@contextmanager
def flux(kubectl: Kubectl, folder: Path) -> Iterator[Flux]:
    """A kustomize-controller for the namespace of `kubectl`, as the cluster's administrator.

    Args:
        kubectl: of the cluster, in a namespace that is there.
        folder: for its log.
    """
    assert kubectl.namespace is not None
    program = ensure_flux() / "kustomize-controller"
    for manifest in _crds():
        kubectl.run("apply", "--server-side", "-f", "-", stdin=manifest)
    kubectl.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    archives: dict[str, bytes] = {}
    log = folder / "kustomize-controller.log"
    environment = {**os.environ, "KUBECONFIG": str(kubectl.kubeconfig), "RUNTIME_NAMESPACE": kubectl.namespace}
    command = [
        *(str(program), "--watch-all-namespaces=false", "--enable-leader-election=false"),
        *("--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0", "--interval-jitter-percentage=0"),
    ]
    with _served(archives) as address, log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield Flux(kubectl, log, address, archives)
        finally:
            process.terminate()
            process.wait(30)


def _crds() -> Iterator[str]:
    """Kustomization's own definition, and those of sources without a schema."""
    folder = module_folder("github.com/fluxcd/kustomize-controller", Quiet(), module=FLUX_MODULE)
    yield (folder / "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml").read_text()
    for kind in SOURCES:
        plural = kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
        group = "source.toolkit.fluxcd.io"
        spec = {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        }
        yield json.dumps(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": spec,
            }
        )


@contextmanager
def _served(archives: Mapping[str, bytes]) -> Iterator[str]:
    """The address on loopback under which archives are served."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = archives.get(self.path)
            self.send_response(HTTPStatus.OK if content is not None else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Nothing: standard error is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
