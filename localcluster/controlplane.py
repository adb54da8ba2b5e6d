# SPDX-License-Identifier: Apache-2.0
"""The control-plane engine: etcd, API server and controller-manager on loopback, without root and without nodes.

Everything of the API works, controllers included (Deployments make ReplicaSets make Pods, Jobs, garbage collection);
only pods are never run. It starts in seconds, so integration tests each bring their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from localcluster import disk, paths, pki, ports, process
from localcluster.client import Client, wait_for
from localcluster.components import AUDIT_POLICY, ControlPlane
from localcluster.engine import ComponentStatus
from localcluster.errors import ComponentFailed, Unsupported
from localcluster.process import ProcessIdentity
from localcluster.progress import Progress
from localcluster.state import ClusterState
from localcluster.tools import ensure_tools

COMPONENTS = ("etcd", "apiserver", "controller-manager")

#: etcd's preallocated write-ahead log and the database; tests write little more.
_SPACE_NEEDED = 1 << 30
_SERVICE_RANGE = "10.96.0.0/16"
#: A start takes 3 s on two idle cores; a machine busy with a build is allowed ten times as much and more.
_READY_SECONDS = 90.0


class ControlPlaneEngine:
    """See the module's docstring."""

    def __init__(self, state: ClusterState, folder: Path, progress: Progress, *, port: int | None = None) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress
        self._wanted_port = port

    @property
    def audit_log(self) -> Path:
        """Where the API server writes its audit log, if it does."""
        return self._folder / "audit.log"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._folder / "kubeconfig"

    def up(self) -> None:
        """See :class:`Engine`."""
        programs = ensure_tools(self._progress)
        disk.require(self._folder, _SPACE_NEEDED, what="a control plane")
        dead = [component for component in COMPONENTS if not self._runs(component)]
        if not dead:
            self._wait_until_usable()
            return
        with self._progress.step("start the control plane"):
            reservation = self._reserve_port() if "apiserver" in dead else None
            try:
                self._start(dead, programs)
                self._wait_until_usable()
            finally:
                if reservation is not None:
                    reservation.release()

    def _start(self, dead: Sequence[str], programs: Path) -> None:
        plane = self._prepare(programs)
        commands = {
            "etcd": plane.etcd,
            "apiserver": plane.apiserver,
            "controller-manager": plane.controller_manager,
        }
        # The API server looks for etcd until it finds it; the controller-manager gives up on an absent API server.
        for component in ("etcd", "apiserver"):
            if component in dead:
                self._spawn(component, commands[component]())
        self._wait("apiserver", Client(self.kubeconfig).is_ready)
        if "controller-manager" in dead:
            self._spawn("controller-manager", commands["controller-manager"]())

    def _prepare(self, programs: Path) -> ControlPlane:
        """Write every file the components read."""
        sockets = paths.socket_dir(self._folder)
        sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self._state.port
        assert port is not None, "a port is reserved before anything is written"
        keys = pki.prepare(
            self._folder / "pki",
            cluster=self._state.name,
            server=f"https://127.0.0.1:{port}",
            names=[],
            addresses=["10.96.0.1"],
        )
        shutil.copyfile(keys.kubeconfig("admin"), self.kubeconfig)
        self.kubeconfig.chmod(0o600)
        policy = self._folder / "audit-policy.yaml"
        if self._state.audit:
            policy.write_text(AUDIT_POLICY)
        return ControlPlane(
            programs=programs,
            pki=keys,
            data=self._folder,
            sockets=sockets,
            service_range=_SERVICE_RANGE,
            bind_address="127.0.0.1",
            port=port,
            fsync=self._state.fsync,
            audit_policy=policy if self._state.audit else None,
            audit_log=self.audit_log if self._state.audit else None,
        )

    def _reserve_port(self) -> ports.ReservedPort:
        """The port the cluster had before, or the one asked for, or any."""
        if self._state.port is not None:
            return ports.ReservedPort(self._state.port, again=True)
        reservation = ports.ReservedPort(self._wanted_port) if self._wanted_port else ports.reserve(str(self._folder))
        self._state.port = reservation.port
        self._state.save(self._folder)
        return reservation

    def _spawn(self, component: str, command: Sequence[str]) -> None:
        self._state.processes[component] = process.spawn(command, log=self.log(component))
        self._state.save(self._folder)

    def _wait_until_usable(self) -> None:
        client = Client(self.kubeconfig)
        self._wait("apiserver", client.is_ready)
        # The first thing a working controller-manager does for anyone: pods cannot be made before.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait("controller-manager", lambda: client.read(account) is not None)

    def _wait(self, component: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition that ``component`` brings about; raise an error if it, or one it depends on, ended
        instead."""
        needed = COMPONENTS[: COMPONENTS.index(component) + 1]
        started = [name for name in needed if name in self._state.processes]
        ended: list[str] = []

        def settled() -> bool:
            if condition():
                return True
            ended.extend(name for name in started if not self._runs(name))
            return bool(ended)

        settled_in_time = wait_for(settled, seconds=_READY_SECONDS)
        if ended:
            raise ComponentFailed(ended[0], "ended", self.log(ended[0]))
        if not settled_in_time:
            raise ComponentFailed(component, f"was not ready within {_READY_SECONDS:.0f} s", self.log(component))

    def _runs(self, component: str) -> bool:
        identity = self._state.processes.get(component)
        return identity is not None and process.is_running(identity)

    def process(self, component: str) -> ProcessIdentity | None:
        """The process of a component, if it runs."""
        return self._state.processes.get(component) if self._runs(component) else None

    def down(self) -> None:
        """See :class:`Engine`."""
        with self._progress.step("stop the control plane"):
            # Users of a server before the server.
            for component in reversed(COMPONENTS):
                if identity := self._state.processes.get(component):
                    process.stop(identity)
            shutil.rmtree(paths.socket_dir(self._folder), ignore_errors=True)

    def status(self) -> Sequence[ComponentStatus]:
        """See :class:`Engine`."""
        rows = []
        for component in COMPONENTS:
            if found := self.process(component):
                rows.append(ComponentStatus(component, "running", found.pid, found.started_at()))
            else:
                rows.append(ComponentStatus(component, "stopped"))
        return rows

    def load_images(self, archives: Sequence[Path]) -> list[str]:
        """Nothing runs images here, so nothing takes them."""
        names = ", ".join(archive.name for archive in archives)
        raise Unsupported(
            f"expected a cluster with a node to load {names} into; the control-plane engine has none",
            remedy="use --engine native or kind",
        )

    def log(self, component: str) -> Path:
        """See :class:`Engine`."""
        return self._folder / "log" / f"{component}.log"

    def clients(self) -> Path:
        """See :class:`Engine`."""
        return ensure_tools(self._progress)

    def components(self) -> Sequence[str]:
        """See :class:`Engine`."""
        return COMPONENTS
