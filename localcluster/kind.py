"""The kind engine: a thin layer over the ``kind`` program.

Only what the other engines have and kind has not is added: resource metrics, an audit log, a kubeconfig of our own, and
Docker, kind and a node image where the machine has none (see :mod:`localcluster.kindhost`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from localcluster import addon_images, addons, kubeconfig, paths
from localcluster.addons import Addon
from localcluster.components import AUDIT_POLICY
from localcluster.engine import ComponentStatus
from localcluster.errors import CommandFailed, KindNameTaken, Unsupported
from localcluster.images import image_digests
from localcluster.kindhost import configuration
from localcluster.kindhost.kit import Kit
from localcluster.kubectl import Kubectl
from localcluster.progress import Progress
from localcluster.state import ClusterState
from localcluster.tools import clients as client_programs
from localcluster.tools import ensure_programs, ensure_tools

CONFIG = paths.repository() / "kind-config.yaml"

#: kind's own default is not to wait at all.
_WAIT = "180s"
_API_PORT = 6443

#: The one program that a kind cluster has not and gets.
_METRICS_SERVER = "metrics-server"

#: Where kind's node images have it.
_KUBECTL_IN_NODE = "/usr/bin/kubectl"

#: What kind says when it neither has its node image nor can get it.
_NO_IMAGE = "failed to pull image"

#: Component -> how to ask Docker for its log, which is in the control plane's container.
_LOGS: dict[str, tuple[str, ...]] = {
    "node": ("logs", "{node}"),
    "kubelet": ("exec", "{node}", "journalctl", "--no-pager", "--unit", "kubelet"),
    "containerd": ("exec", "{node}", "journalctl", "--no-pager", "--unit", "containerd"),
}


class KindEngine:
    """See the module's docstring.

    ``config`` and ``patches`` are files for kind (:mod:`localcluster.kindhost.configuration`); they count when the
    cluster is made.
    """

    def __init__(
        self,
        state: ClusterState,
        folder: Path,
        progress: Progress,
        *,
        config: Path | None = None,
        patches: Sequence[Path] = (),
    ) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress
        self._config = config or CONFIG
        self._patches = patches
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
    def _audit_folder(self) -> Path:
        return self._folder / "audit"

    @property
    def audit_log(self) -> Path:
        """Where the API server writes its audit log, if it does."""
        return self._audit_folder / configuration.AUDIT_LOG_FILE

    def up(self) -> None:
        """See :class:`Engine`."""
        self._kit.prepare()
        if self._exists():
            self._must_be_ours()
            self._kit.kind("export", "kubeconfig", "--name", self._name, "--kubeconfig", str(self.kubeconfig))
        else:
            config = self._write_config()
            # Noted first: a run that is killed meanwhile leaves a cluster that is known to be ours.
            self._state.kind_created = True
            self._state.images = {}
            self._state.save(self._folder)
            self._create(config)
        self._address_api_server()
        archive = addon_images.ensure_archive(self._programs(_METRICS_SERVER), [_METRICS_SERVER])
        clients = self.clients()
        with self._progress.step("add resource metrics"):
            self.load_image(archive)
            manifests = addons.render(Addon.METRICS, kubelet_trust=addons.KUBELET_SELF_SIGNED)
            kubectl = Kubectl(clients / "kubectl", self.kubeconfig)
            kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)
        self._audit_must_be_written()

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

    def _write_config(self) -> Path:
        if self._state.audit:
            self._audit_folder.mkdir(parents=True, exist_ok=True)
            (self._audit_folder / configuration.AUDIT_POLICY_FILE).write_text(AUDIT_POLICY)
        audit = self._audit_folder if self._state.audit else None
        return configuration.write(self._folder / "kind-config.yaml", self._config, self._patches, audit=audit)

    def _create(self, config: Path) -> None:
        try:
            self._run_create(config)
        except CommandFailed as error:
            if self._kit.image is not None or _NO_IMAGE not in error.problem:
                raise
            self._progress.note("kind cannot pull its node image; one is made here")
            self._kit.make_image()
            self._state.save(self._folder)
            self._run_create(config)

    def _run_create(self, config: Path) -> None:
        image = [] if self._kit.image is None else ["--image", self._kit.image]
        with self._progress.step("create the kind cluster"):
            self._kit.kind(
                "create", "cluster", "--name", self._name, "--config", str(config), *image,
                "--kubeconfig", str(self.kubeconfig), "--wait", _WAIT,
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
        text = self.docker(
            "ps", "--all", "--filter", f"label=io.x-k8s.kind.cluster={self._name}",
            "--format", "{{.Names}}\t{{.State}}",
        )  # fmt: skip
        rows = [line.split("\t") for line in sorted(text.splitlines())]
        return [ComponentStatus(name, state) for name, state in rows] or [ComponentStatus(self._node, "stopped")]

    def docker(self, *arguments: str) -> str:
        """Run docker against the Docker that has the nodes; for tests that stop or cut them off."""
        return self._kit.docker(*arguments)

    def load_image(self, archive: Path) -> list[str]:
        """See :class:`Engine`."""
        digests = image_digests(archive)
        if any(self._state.images.get(reference) != digest for reference, digest in digests.items()):
            self._kit.kind("load", "image-archive", str(archive), "--name", self._name)
            self._state.images |= digests
            self._state.save(self._folder)
        return sorted(digests)

    def log(self, component: str) -> Path:
        """See :class:`Engine`; the file is what Docker says now."""
        path = self._folder / "log" / f"{component}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.docker(*(part.format(node=self._node) for part in _LOGS[component])))
        return path

    def components(self) -> Sequence[str]:
        """See :class:`Engine`."""
        return tuple(_LOGS)
