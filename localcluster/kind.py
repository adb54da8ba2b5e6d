# SPDX-License-Identifier: Apache-2.0
"""The kind engine: a thin layer over the ``kind`` program.

Only what the other engines have and kind has not is added: resource metrics, an audit log, a kubeconfig of our own, and
Docker, kind and a node image where the machine has none (see :mod:`localcluster.kindhost`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from images.merge import can_be_merged, merge_archives
from localcluster import addon_images, addons, disk, kubeconfig
from localcluster.addons import Addon
from localcluster.client import Client, wait_for
from localcluster.components import AUDIT_POLICY
from localcluster.engine import ComponentStatus
from localcluster.errors import ClusterNotCreated, CommandFailed, ComponentFailed, KindNameTaken, Unsupported
from localcluster.images import image_digests
from localcluster.kindhost import configuration, failure, nodes
from localcluster.kindhost.kit import Kit
from localcluster.kindhost.options import KindOptions
from localcluster.kubectl import Kubectl
from localcluster.progress import Progress
from localcluster.state import ClusterState
from localcluster.tools import clients as client_programs
from localcluster.tools import ensure_programs, ensure_tools

#: kind's own default is not to wait at all.
_WAIT_SECONDS = 180
_API_PORT = 6443

#: The one program that a kind cluster has not and gets.
_METRICS_SERVER = "metrics-server"

#: Where kind's node images have it.
_KUBECTL_IN_NODE = "/usr/bin/kubectl"

#: Message of kind when it neither has its node image nor can pull it.
_NO_IMAGE = "failed to pull image"


class KindEngine:
    """See the module's docstring. ``options`` count when the cluster is made."""

    def __init__(
        self, state: ClusterState, folder: Path, progress: Progress, *, options: KindOptions | None = None
    ) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress
        self._options = options or KindOptions()
        self._kit = Kit(state, folder, progress)

    @property
    def _name(self) -> str:
        return self._state.name

    @property
    def _node(self) -> str:
        """The name kind gives to the container of the control plane."""
        return f"{self._name}-control-plane"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._folder / "kubeconfig"

    @property
    def _config(self) -> Path:
        """The configuration that kind was given, where it is not the default one."""
        return self._folder / "kind-config.yaml"

    @property
    def _audit_folder(self) -> Path:
        return self._folder / "audit"

    @property
    def audit_log(self) -> Path:
        """Where the API server writes its audit log, if it does."""
        return self._audit_folder / configuration.AUDIT_LOG_FILE

    def up(self) -> None:
        """See :class:`Engine`."""
        former = self._state.kind_image
        if self._options.image or not self._state.kind_nodes:
            self._state.kind_image = self._options.with_environment().image
        self._kit.prepare()
        if self._exists():
            self._must_be_ours()
            self._state.kind_image = former
            resumed = self._resume()
            self._kit.kind("export", "kubeconfig", "--name", self._name, "--kubeconfig", str(self.kubeconfig))
        else:
            resumed = False
            self._make()
        self._address_api_server()
        if resumed:
            self._must_answer()
        archive = addon_images.ensure_archive(self._programs(_METRICS_SERVER), [_METRICS_SERVER])
        clients = self.clients()
        with self._progress.step("add resource metrics"):
            self.load_images([archive])
            manifests = addons.render(Addon.METRICS, kubelet_trust=addons.KUBELET_SELF_SIGNED)
            kubectl = Kubectl(clients / "kubectl", self.kubeconfig)
            kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
        self._audit_must_be_written()

    def _make(self) -> None:
        """Create the cluster, or create it again with the configuration and image that it had."""
        if self._state.kind_nodes:
            self._progress.note(f"the kind cluster {self._name} was deleted without this tool; it is created again")
            config = self._write_config(self._options)
        else:
            # Of an attempt that failed: only a cluster that was there has something to keep.
            self._config.unlink(missing_ok=True)
            config = self._write_config(self._options.with_environment())
        # Noted first: a run that is killed meanwhile leaves a cluster that is known to be this package's.
        self._state.kind_created = True
        self._state.images = {}
        self._state.save(self._folder)
        self._create(config)
        self._state.kind_nodes = list(self._node_states())
        self._state.save(self._folder)

    def _resume(self) -> bool:
        """Let nodes run again that were stopped; whether there were any."""
        found = self._node_states()
        if not self._state.kind_nodes:
            self._state.kind_nodes = list(found)
            self._state.save(self._folder)
        commands = nodes.commands_to_resume(found, self._state.kind_nodes)
        if self._options != KindOptions():
            self._progress.note(f"the cluster {self._name} exists: its nodes and their image stay as they are")
        for command in commands:
            with self._progress.step(f"{command[0]} {', '.join(command[1:])}"):
                self.docker(*command)
        return bool(commands)

    def _must_answer(self) -> None:
        if not wait_for(Client(self.kubeconfig).is_ready, seconds=_WAIT_SECONDS):
            raise ComponentFailed("the API server", "did not answer after its node was started", self.log(self._node))

    def _programs(self, *names: str) -> Path:
        """A folder with these programs; where kind was made here, all of Kubernetes was built anyway."""
        if self._state.kind_made_here:
            return ensure_tools(self._progress)
        return ensure_programs(names, self._progress)

    def clients(self) -> Path:
        """See :class:`Engine`: the machine's, or the node's own kubectl and a Helm that is built."""
        if self._state.kind_made_here:
            return ensure_tools(self._progress)
        folder = self._folder / "bin"

        def kubectl() -> Path:
            copy = folder / "kubectl"
            self.docker("cp", f"{self._node}:{_KUBECTL_IN_NODE}", str(copy))
            return copy

        sources = {"kubectl": kubectl, "helm": lambda: self._programs("helm") / "helm"}
        return client_programs.prepare(folder, sources, self._progress)

    def _write_config(self, options: KindOptions) -> Path:
        if self._state.audit:
            self._audit_folder.mkdir(parents=True, exist_ok=True)
            (self._audit_folder / configuration.AUDIT_POLICY_FILE).write_text(AUDIT_POLICY)
        audit = self._audit_folder if self._state.audit else None
        return configuration.write(self._config, options, audit=audit)

    def _create(self, config: Path) -> None:
        try:
            try:
                self._run_create(config)
            except CommandFailed as error:
                if self._kit.image is not None or _NO_IMAGE not in error.output:
                    raise
                self._progress.note("kind cannot pull its node image; one is made here")
                self._kit.make_image()
                self._state.save(self._folder)
                self._run_create(config)
        except CommandFailed as error:
            raise self._not_created(error) from error

    def _not_created(self, error: CommandFailed) -> ClusterNotCreated:
        log = self._folder / "log/kind-create.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(error.output)
        cause = failure.cause(error.output).replace("\n", "\n    ")
        return ClusterNotCreated(
            f"expected kind to create the cluster {self._name}, it failed:\n    {cause}",
            remedy=f"see {log} for all that kind wrote; once the cause is fixed, run `up` again",
        )

    def _run_create(self, config: Path) -> None:
        image = [] if self._kit.image is None else ["--image", self._kit.image]
        with self._progress.step("create the kind cluster"):
            self._kit.kind(
                "create", "cluster", "--name", self._name, "--config", str(config), *image,
                "--kubeconfig", str(self.kubeconfig), "--wait", f"{_WAIT_SECONDS}s",
            )  # fmt: skip

    def _address_api_server(self) -> None:
        """A Docker of the cluster's own publishes ports in its own network; the machine has a route to the node."""
        if self._kit.own_docker is None:
            return
        addresses = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        address = self._kit.docker("inspect", "--format", addresses, self._node).strip()
        kubeconfig.redirect(self.kubeconfig, f"https://{address}:{_API_PORT}")
        kubeconfig.hand_over(self.kubeconfig)

    def _audit_must_be_written(self) -> None:
        if self._state.audit and not self.audit_log.exists():
            raise Unsupported(
                f"expected kind to write an audit log to {self.audit_log}, found none",
                remedy="use a kind whose kubeadm configuration is of v1beta3 or v1beta4, or leave out --audit",
            )

    def down(self) -> None:
        """See :class:`Engine`."""
        docker = self._kit.own_docker
        if docker is not None:
            docker.down()
        elif self._state.kind_created:
            with self._progress.step("delete the kind cluster"):
                self._kit.kind("delete", "cluster", "--name", self._name, "--kubeconfig", str(self.kubeconfig))

    def _exists(self) -> bool:
        return self._name in self._kit.kind("get", "clusters").split()

    def _must_be_ours(self) -> None:
        if not self._state.kind_created:
            raise KindNameTaken(
                f"expected no kind cluster named {self._name}, found one that was not made here",
                remedy="choose another --name, or delete it yourself: `kind delete cluster`",
            )

    def status(self) -> Sequence[ComponentStatus]:
        """See :class:`Engine`."""
        docker = self._kit.own_docker
        if docker is not None and not docker.is_running:
            return [ComponentStatus("docker", "stopped")]
        rows = nodes.rows(self._node_states(), self._state.kind_nodes) if self._state.kind_created else []
        return rows or [ComponentStatus(self._node, "not created")]

    def _node_states(self) -> dict[str, str]:
        return nodes.states(self.docker(*nodes.listing(self._name)))

    def docker(self, *arguments: str) -> str:
        """Run docker against the Docker that has the nodes; for tests that stop or cut them off."""
        return self._kit.docker(*arguments)

    def load_images(self, archives: Sequence[Path]) -> list[str]:
        """See :class:`Engine`; all nodes get them at once, each layer once."""
        digests = {archive: image_digests(archive) for archive in archives}
        changed = [archive for archive, found in digests.items() if not found.items() <= self._state.images.items()]
        together = [archive for archive in changed if can_be_merged(archive)]
        for archive in changed:
            if len(together) < 2 or archive not in together:
                self._load(archive)
        if len(together) > 1:
            disk.require(self._folder, sum(archive.stat().st_size for archive in together), what="the images")
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="images.") as scratch:
                merged = Path(scratch) / "images.tar"
                merge_archives(merged, together)
                self._load(merged)
        for archive in changed:
            self._state.images |= digests[archive]
            self._state.save(self._folder)
        return [reference for found in digests.values() for reference in sorted(found)]

    def _load(self, archive: Path) -> None:
        self._kit.kind("load", "image-archive", str(archive), "--name", self._name)

    def log(self, component: str) -> Path:
        """See :class:`Engine`; the file has Docker's current state."""
        path = self._folder / "log" / f"{component}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.docker(*nodes.log_command(component)))
        return path

    def components(self) -> Sequence[str]:
        """See :class:`Engine`: the nodes that are there, and the units in each."""
        return nodes.components(list(self._node_states()))
