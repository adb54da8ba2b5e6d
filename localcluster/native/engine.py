# SPDX-License-Identifier: Apache-2.0
"""The native engine: start a node, stop it, inspect it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from localcluster import addon_images, addons, disk, kubeconfig, pki, process
from localcluster.addons import Addon
from localcluster.certificates import write_private
from localcluster.client import Client
from localcluster.components import AUDIT_POLICY, ControlPlane
from localcluster.engine import ComponentStatus
from localcluster.errors import NotRunning
from localcluster.images import image_digests
from localcluster.kubectl import Kubectl
from localcluster.native import cgroups, configuration, limits, namespaces, network, packages, removal
from localcluster.native.addresses import Addresses
from localcluster.native.components import COMPONENTS, NodeComponents
from localcluster.native.namespaces import CONFIG, PROGRAMS, Node
from localcluster.native.slots import Claim, Slots
from localcluster.pki import Pki
from localcluster.process import ProcessIdentity
from localcluster.progress import Progress
from localcluster.run import run
from localcluster.state import ClusterState
from localcluster.tools import ensure_tools

#: Images in containerd's store and unpacked, etcd, logs, volumes.
_SPACE_NEEDED = 3 << 30
_API_PORT = 6443

#: Starts take seconds on idle cores; a machine that also compiles is allowed much more before giving up.
_RUNTIME_SECONDS = 30.0
_API_SECONDS = 90.0
_NODE_SECONDS = 90.0
_ADDON_SECONDS = 120.0


class NativeEngine:
    """See the module's docstring. Root only."""

    def __init__(self, state: ClusterState, folder: Path, progress: Progress, *, slots: Slots | None = None) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress
        self._slots = slots or Slots()

    # -- up -----------------------------------------------------------------------------------------------------------

    def up(self) -> None:
        """See :class:`Engine`."""
        programs = ensure_tools(self._progress)
        packages.ensure(self._progress)
        if (node := self._node()) is None:
            disk.require(self._folder, _SPACE_NEEDED, what="a cluster with a node")
            node = self._start_node(programs)
        components = self._components(node)
        with ThreadPoolExecutor(max_workers=1) as pool:
            with self._progress.step("start the container runtime and the control plane"):
                components.start("containerd", "etcd", "apiserver")
                components.wait("containerd", components.runtime_ready, seconds=_RUNTIME_SECONDS)
                loading = pool.submit(self._load, components, addon_images.ensure_archive(programs))
                client = Client(self.kubeconfig)
                components.wait("apiserver", client.is_ready, seconds=_API_SECONDS, needs=["etcd"])
                components.start("controller-manager", "scheduler", "kubelet", "kube-proxy")
            with self._progress.step("load the add-ons' images"):
                loading.result()
        self._apply_addons(programs)
        self._wait_until_usable(components, client)

    def _start_node(self, programs: Path) -> Node:
        with self._progress.step("make the node's namespaces and network"):
            self._slots.sweep(removal.remove_abandoned)
            addresses = self._claim()
            self._clear_leftovers(addresses)
            node = namespaces.start(
                self._folder, hostname=self.hostname, programs=programs, mark=f"{self._state.name}:{addresses.slot}"
            )
            # Known before anything else is made: whatever happens next, `down` and the next `up` find it.
            self._state.processes = {"node": node.first}
            self._state.save(self._folder)
            self._slots.record(addresses.slot, self._folder, node.first)
            self._write_configuration(addresses)
            cgroups.create(addresses.cgroup)
            network.connect(addresses, node)
        return node

    def _claim(self) -> Addresses:
        self._state.slot = self._slots.claim(self._folder, former=self._state.slot)
        self._state.save(self._folder)
        return Addresses(self._state.slot)

    def _write_configuration(self, addresses: Addresses) -> None:
        folder = self._folder / "run/node"
        plugins = packages.plugin_folder()
        assert plugins is not None, "packages.ensure saw to it"
        pki.prepare(
            self._folder / "pki",
            cluster=self._state.name,
            server=f"https://{addresses.node}:{_API_PORT}",
            names=[self.hostname],
            addresses=[addresses.node, addresses.api_service],
            node=(self.hostname, addresses.node),
        )
        shutil.copytree(self._folder / "pki", folder / "pki", dirs_exist_ok=True)
        if self._state.audit:
            (folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
        configuration.write_all(
            folder,
            configuration.NodeSettings(
                addresses=addresses,
                hostname=self.hostname,
                limits=limits.detect(),
                plugins=plugins,
                runc=packages.program("runc"),
                snapshotter=_snapshotter(self._folder),
                cgroup_version_2=cgroups.is_version_2(),
            ),
        )
        write_private(self.kubeconfig, (self._folder / "pki/admin.kubeconfig").read_bytes())
        kubeconfig.hand_over(self.kubeconfig)

    def _components(self, node: Node) -> NodeComponents:
        addresses = self._addresses()
        audit = self._state.audit
        plane = ControlPlane(
            programs=PROGRAMS,
            pki=Pki(CONFIG / "pki"),
            data=Path("/var/lib"),
            sockets=CONFIG,
            service_range=str(addresses.services),
            bind_address="0.0.0.0",  # every interface of the node's own network namespace
            port=_API_PORT,
            advertise_address=addresses.node,
            pod_range=str(addresses.pods),
            fsync=self._state.fsync,
            audit_policy=CONFIG / "audit-policy.yaml" if audit else None,
            audit_log=Path("/var/log/audit.log") if audit else None,
        )
        return NodeComponents(node, plane, self.hostname, self._folder / "log")

    def _apply_addons(self, programs: Path) -> None:
        with self._progress.step("apply the add-ons"):
            manifests = addons.render(
                *Addon, kubelet_trust=addons.KUBELET_SIGNED_BY_CLUSTER, dns_address=self._addresses().dns
            )
            kubectl = Kubectl(programs / "kubectl", self.kubeconfig)
            kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)

    def _wait_until_usable(self, components: NodeComponents, client: Client) -> None:
        with self._progress.step("wait for the node"):
            components.wait(
                "kubelet", lambda: node_ready(client, self.hostname), seconds=_NODE_SECONDS, needs=["containerd"]
            )
        with self._progress.step("wait for DNS and storage"):
            for addon in (Addon.DNS, Addon.STORAGE):
                ready = partial(deployment_ready, client, addon)
                name = addons.DEPLOYMENTS[addon][1]
                components.wait("kubelet", ready, seconds=_ADDON_SECONDS, needs=COMPONENTS, shown_as=name)

    # -- down ---------------------------------------------------------------------------------------------------------

    def down(self) -> None:
        """See :class:`Engine`."""
        with self._progress.step("stop the node"):
            # After a reboot nothing of the node is left, and the slot may be another cluster's.
            if self._state.slot is not None and self._slots.belongs_to(self._state.slot, self._folder):
                self._clear_leftovers(self._addresses())
                self._slots.release(self._state.slot)
            self._slots.sweep(removal.remove_abandoned)

    def _clear_leftovers(self, addresses: Addresses) -> None:
        """End what a former run of this cluster left, orderly or killed, but for its data."""
        removal.remove_node(addresses.slot, Claim(self._folder, self._state.processes.get("node")))
        namespaces.clear_runtime(self._folder)

    # -- looking ------------------------------------------------------------------------------------------------------

    @property
    def hostname(self) -> str:
        """The node's name."""
        return f"{self._state.name}-node"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """Where the API server writes its audit log, if it does."""
        return self._folder / "varlog/audit.log"

    def _addresses(self) -> Addresses:
        assert self._state.slot is not None, "a node has a slot before it has anything else"
        return Addresses(self._state.slot)

    def _node(self) -> Node | None:
        first = self._state.processes.get("node")
        return Node(first) if first is not None and process.is_running(first) else None

    def process(self, component: str) -> ProcessIdentity | None:
        """The process of a component, if it runs; ``node`` is the one that holds all others."""
        node = self._node()
        if node is None or component == "node":
            return node.first if node else None
        return self._components(node).find(component)

    def status(self) -> Sequence[ComponentStatus]:
        """See :class:`Engine`."""
        rows = []
        for component in ("node", *COMPONENTS):
            if found := self.process(component):
                rows.append(ComponentStatus(component, "running", found.pid, found.started_at()))
            else:
                rows.append(ComponentStatus(component, "stopped"))
        if self._node() is not None and self.kubeconfig.exists() and os.access(self.kubeconfig, os.R_OK):
            client = Client(self.kubeconfig)
            rows += [
                ComponentStatus(
                    addons.DEPLOYMENTS[addon][1], "ready" if deployment_ready(client, addon) else "not ready"
                )
                for addon in Addon
            ]
        return rows

    def load_images(self, archives: Sequence[Path]) -> list[str]:
        """See :class:`Engine`."""
        node = self._node()
        if node is None:
            raise NotRunning(f"expected cluster {self._state.name} to be up, found it stopped", remedy="run `up` first")
        components = self._components(node)
        return [reference for archive in archives for reference in self._load(components, archive)]

    def _load(self, components: NodeComponents, archive: Path) -> list[str]:
        digests = image_digests(archive)
        if any(self._state.images.get(reference) != digest for reference, digest in digests.items()):
            components.import_images(archive)
            self._state.images |= digests
            self._state.save(self._folder)
        return sorted(digests)

    def log(self, component: str) -> Path:
        """See :class:`Engine`."""
        return self._folder / "log" / f"{component}.log"

    def clients(self) -> Path:
        """See :class:`Engine`."""
        return ensure_tools(self._progress)

    def components(self) -> Sequence[str]:
        """See :class:`Engine`."""
        return ("node", *COMPONENTS)


def node_ready(client: Client, name: str) -> bool:
    """Whether the node's Ready condition holds."""
    return _condition(client.read(f"/api/v1/nodes/{name}"), "Ready")


def deployment_ready(client: Client, addon: Addon) -> bool:
    """Whether the add-on's Deployment is available."""
    namespace, name = addons.DEPLOYMENTS[addon]
    return _condition(client.read(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"), "Available")


def _condition(document: dict[str, Any] | None, kind: str) -> bool:
    conditions = (document or {}).get("status", {}).get("conditions", [])
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _snapshotter(folder: Path) -> str:
    """Overlays cannot be stacked on an overlay, which a container's root is."""
    return "native" if run("stat", "--file-system", "--format=%T", str(folder)).strip() == "overlayfs" else "overlayfs"
