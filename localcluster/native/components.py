# SPDX-License-Identifier: Apache-2.0
"""Start the components of the node, and report which of them run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localcluster.client import wait_for
from localcluster.components import ControlPlane
from localcluster.errors import CommandFailed, ComponentFailed
from localcluster.native import packages
from localcluster.native.configuration import SOCKET
from localcluster.native.namespaces import CONFIG, PROGRAMS, Node
from localcluster.process import ProcessIdentity

#: In the order in which they are started, users after what they use.
COMPONENTS = ("containerd", "etcd", "apiserver", "controller-manager", "scheduler", "kubelet", "kube-proxy")


@dataclass(frozen=True, slots=True)
class NodeComponents:
    """The components of one running node."""

    node: Node
    plane: ControlPlane
    hostname: str
    logs: Path

    def command(self, component: str) -> list[str]:
        """The command line of a component, as the node sees it."""
        commands = {
            "containerd": self._containerd,
            "etcd": self.plane.etcd,
            "apiserver": self.plane.apiserver,
            "controller-manager": self.plane.controller_manager,
            "scheduler": self.plane.scheduler,
            "kubelet": self._kubelet,
            "kube-proxy": self._kube_proxy,
        }
        return commands[component]()

    def _containerd(self) -> list[str]:
        return [packages.program("containerd"), "--config", f"{CONFIG}/containerd.toml"]

    def _kubelet(self) -> list[str]:
        return [
            str(PROGRAMS / "kubelet"),
            f"--config={CONFIG}/kubelet.yaml",
            f"--kubeconfig={self.plane.pki.kubeconfig('kubelet')}",
            f"--node-ip={self.plane.advertise_address}",
            f"--hostname-override={self.hostname}",
            "--v=2",
        ]

    def _kube_proxy(self) -> list[str]:
        return [str(PROGRAMS / "kube-proxy"), f"--config={CONFIG}/kube-proxy.yaml"]

    def find(self, component: str) -> ProcessIdentity | None:
        """The component's process, if it runs."""
        return self.node.find(self.command(component)[0])

    def start(self, *components: str) -> None:
        """Start those that do not run."""
        for component in components:
            if self.find(component) is None:
                self.node.spawn(self.command(component), log=self.log(component))

    def log(self, component: str) -> Path:
        """Where a component writes to."""
        return self.logs / f"{component}.log"

    def wait(
        self,
        component: str,
        condition: Callable[[], bool],
        *,
        seconds: float,
        needs: Sequence[str] = (),
        shown_as: str | None = None,
    ) -> None:
        """Wait for what ``component`` brings about; raise an error if it, or a component it ``needs``, ended instead.

        ``shown_as`` is what the error calls it if it is late.
        """
        ended: list[str] = []

        def settled() -> bool:
            if condition():
                return True
            ended.extend(name for name in (*needs, component) if self.find(name) is None)
            return bool(ended)

        in_time = wait_for(settled, seconds=seconds)
        if ended:
            raise ComponentFailed(ended[0], "ended", self.log(ended[0]))
        if not in_time:
            raise ComponentFailed(shown_as or component, f"was not ready within {seconds:.0f} s", self.log(component))

    def runtime_ready(self) -> bool:
        """Whether containerd answers."""
        try:
            self.ctr("version")
        except CommandFailed:
            return False
        return True

    def import_images(self, archive: Path) -> None:
        """Load an archive of images into containerd, replacing images of the same names."""
        with archive.open("rb") as stream:
            self.ctr("images", "import", "-", stdin=stream)

    def ctr(self, *arguments: str, stdin: IO[bytes] | None = None) -> str:
        """Ask containerd, in the namespace that Kubernetes uses."""
        command = [packages.program("ctr"), "--address", str(SOCKET), "--namespace", "k8s.io", *arguments]
        return self.node.run(*command, stdin=stdin)
