# SPDX-License-Identifier: Apache-2.0
"""A Docker of one cluster's own, in namespaces such as a native node has.

Its network, processes and mounts are its own, so its bridges and rules touch nothing of the machine, clusters side by
side do not meet, and one signal ends it with all its containers. The machine reaches the containers by a route.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from localcluster import disk, process
from localcluster.client import wait_for
from localcluster.engine import docker_answers
from localcluster.errors import ComponentFailed
from localcluster.native import cgroups, limits, namespaces, network, packages
from localcluster.native.addresses import Addresses
from localcluster.native.namespaces import Node
from localcluster.native.removal import remove_abandoned, remove_node
from localcluster.native.slots import Claim, Slots
from localcluster.progress import Progress
from localcluster.state import ClusterState

#: Program -> Debian package.
PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "mmdebstrap": "mmdebstrap",
}

#: Docker's copy of the node image, and what runs in three nodes.
_SPACE_NEEDED = 6 << 30
_STARTED_SECONDS = 60.0


class OwnDocker:
    """The Docker of the cluster with that state. Root only."""

    def __init__(self, state: ClusterState, folder: Path, progress: Progress, *, slots: Slots | None = None) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress
        self._slots = slots or Slots()

    @property
    def environment(self) -> dict[str, str]:
        """What programs need in their environment to speak to it."""
        return {"DOCKER_HOST": f"unix://{self._folder}/run/docker.sock"}

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self._node() is not None and docker_answers(self.environment)

    def up(self, *, programs: Path, runtime: Path) -> None:
        """Start it unless it runs.

        ``programs`` is the folder of the cluster's programs; ``runtime`` is the runc to use where root may not raise
        limits.
        """
        if self.is_running:
            return
        disk.require(self._folder, _SPACE_NEEDED, what="a kind cluster with a Docker of its own")
        with self._progress.step("start Docker in namespaces of its own"):
            self._slots.sweep(remove_abandoned)
            self._state.slot = self._slots.claim(self._folder, former=self._state.slot)
            self._state.save(self._folder)
            addresses = Addresses(self._state.slot)
            self._end(addresses)
            node = self._start_namespaces(addresses, programs)
            cgroups.create(addresses.cgroup)
            network.connect(addresses, node)
            # Docker gives no network a range that has a route already, as this one has in a native node.
            node.run("ip", "route", "delete", str(addresses.services))
            self._start_daemon(addresses, node, runtime)

    def _start_namespaces(self, addresses: Addresses, programs: Path) -> Node:
        hostname = f"{self._state.name}-docker"
        mark = f"{self._state.name}:{addresses.slot}"
        node = namespaces.start(self._folder, hostname=hostname, programs=programs, mark=mark)
        # Known before anything else is made: whatever happens next, `down` and the next `up` find it.
        self._state.processes = {"node": node.first}
        self._state.save(self._folder)
        self._slots.record(addresses.slot, self._folder, node.first)
        return node

    def _start_daemon(self, addresses: Addresses, node: Node, runtime: Path) -> None:
        log = self._folder / "log/dockerd.log"
        shutil.copy(runtime, self._folder / "run/node/narrow-runc")
        command = [
            packages.program("dockerd", PROGRAMS),
            # kind makes a network of its own; out of a range that the machine has a route to.
            "--bridge=none",
            f"--default-address-pool=base={addresses.services},size=24",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent=/{addresses.cgroup}",
        ]
        if not limits.detect().may_raise:
            command += [f"--add-runtime=narrow={namespaces.CONFIG}/narrow-runc", "--default-runtime=narrow"]
        node.spawn(command, log=log)
        answers = partial(docker_answers, self.environment)
        if not wait_for(lambda: answers() or node.find(command[0]) is None, seconds=_STARTED_SECONDS) or not answers():
            raise ComponentFailed("dockerd", "did not start", log)

    def down(self) -> None:
        """End it with all its containers, and take away what the machine has of it."""
        with self._progress.step("stop Docker"):
            if self._state.slot is not None and self._slots.belongs_to(self._state.slot, self._folder):
                self._end(Addresses(self._state.slot))
                self._slots.release(self._state.slot)
            self._slots.sweep(remove_abandoned)

    def _end(self, addresses: Addresses) -> None:
        remove_node(addresses.slot, Claim(self._folder, self._state.processes.get("node")))
        namespaces.clear_runtime(self._folder)

    def _node(self) -> Node | None:
        first = self._state.processes.get("node")
        return Node(first) if first is not None and process.is_running(first) else None
