# SPDX-License-Identifier: Apache-2.0
"""kubectl for one cluster and namespace, without the user's own kubeconfig."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from localcluster.errors import LocalClusterError

Manifest: TypeAlias = dict[str, Any]


class KubectlError(LocalClusterError):
    """kubectl refused or failed; the message holds the command and its own words."""


class WaitTimeoutError(TimeoutError):
    """What was waited for did not come; the message holds what was last seen."""


class Kubectl:
    """Runs a kubectl binary against one cluster.

    Args:
        binary: path of kubectl.
        kubeconfig: the cluster's own kubeconfig; the user's is never read.
        namespace: namespace of every call; None leaves it to each object and the server's default.
    """

    def __init__(self, binary: Path, kubeconfig: Path, namespace: str | None = None) -> None:
        self.binary = binary
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def in_namespace(self, namespace: str) -> "Kubectl":
        """The same cluster, another namespace."""
        return Kubectl(self.binary, self.kubeconfig, namespace)

    def command(self, *args: str) -> list[str]:
        """The command line for `args`."""
        scope = [f"--namespace={self.namespace}"] if self.namespace else []
        return [str(self.binary), *self._access(), *scope, *args]

    def run(self, *args: str, stdin: str | None = None, timeout: float = 120.0) -> str:
        """Standard output of `kubectl ARGS`.

        Raises:
            KubectlError: it exited with an error.
        """
        done = subprocess.run(
            self.command(*args),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=self._environment(),
        )
        if done.returncode != 0:
            raise KubectlError(
                f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}",
                remedy="see kubectl's own message above",
            )
        return done.stdout

    def apply(self, manifest: Manifest | Path) -> None:
        """Server-side apply of a manifest, a file, or a folder with a kustomization."""
        if isinstance(manifest, Path):
            flag = "-k" if manifest.is_dir() else "-f"
            self.run("apply", "--server-side", flag, str(manifest))
        else:
            self.run("apply", "--server-side", "-f", "-", stdin=json.dumps(manifest))

    def get(self, kind: str, name: str) -> Manifest | None:
        """The object, or None where it is not there."""
        text = self.run("get", kind, name, "--ignore-not-found", "-o", "json")
        return dict(json.loads(text)) if text.strip() else None

    def list(self, kind: str, selector: str = "") -> list[Manifest]:
        """The objects of a kind, by label selector."""
        return list(json.loads(self.run("get", kind, "-l", selector, "-o", "json"))["items"])

    def wait(
        self, kind: str, name: str | None, until: Callable[[Manifest], bool], *, what: str, timeout: float = 180.0
    ) -> Manifest:
        """The first object of `kind` (called `name`, or any) for which `until` holds; watched, not polled.

        Args:
            what: what is waited for, in words, for the error.

        Raises:
            WaitTimeoutError: after `timeout` seconds; holds the last status seen.
        """
        seen: Manifest | None = None
        for obj in self.watch(kind, name, timeout=timeout):
            seen = obj
            if until(obj):
                return obj
        state = json.dumps((seen or {}).get("status"), indent=1) if seen else "nothing of that name"
        raise WaitTimeoutError(f"{kind}/{name or '*'}: {what} not within {timeout:.0f} s; last seen: {state}")

    def watch(self, kind: str, name: str | None = None, *, timeout: float) -> Iterator[Manifest]:
        """Objects as they are and as they change, for `timeout` seconds at most."""
        selector = [f"--field-selector=metadata.name={name}"] if name else []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with subprocess.Popen(
                self.command("get", kind, *selector, "-w", "-o", "json"),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment(),
            ) as process:
                try:
                    yield from _objects(process, deadline)
                finally:
                    process.kill()

    def logs(self, target: str, *args: str) -> str:
        """Logs of a pod or `kind/name`."""
        return self.run("logs", target, *args)

    def _access(self) -> tuple[str, ...]:
        """Options that name the cluster and the user."""
        # A cache of discovery beside the kubeconfig: the user's own is neither read nor written.
        return (f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.kubeconfig.parent / 'kubectl-cache'}")

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}


class ContextKubectl(Kubectl):
    """Runs kubectl against the cluster of a context of the user's own kubeconfig.

    Args:
        binary: path of kubectl.
        context: the context's name.
        namespace: namespace of every call; None leaves it to each object and the context.
    """

    def __init__(self, binary: Path, context: str, namespace: str | None = None) -> None:
        super().__init__(binary, Path(), namespace)
        self.context = context

    def in_namespace(self, namespace: str) -> "Kubectl":
        """See `Kubectl`."""
        return ContextKubectl(self.binary, self.context, namespace)

    def _access(self) -> tuple[str, ...]:
        return (f"--context={self.context}",)

    def _environment(self) -> Mapping[str, str]:
        return os.environ


def _objects(process: "subprocess.Popen[bytes]", deadline: float) -> Iterator[Manifest]:
    """The JSON documents that a process writes one after another."""
    assert process.stdout is not None
    decoder, buffer = json.JSONDecoder(), ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0 and selector.select(timeout=left):
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                return
            buffer += chunk.decode()
            while buffer := buffer.lstrip():
                try:
                    document, end = decoder.raw_decode(buffer)
                except ValueError:
                    break
                buffer = buffer[end:]
                yield document
