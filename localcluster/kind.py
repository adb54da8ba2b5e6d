"""The kind engine: a thin layer over the ``kind`` program, for machines with Docker.

Only what the other engines have and kind has not is added: resource metrics, and a kubeconfig of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from localcluster import addon_images, addons, paths
from localcluster.addons import Addon
from localcluster.engine import ComponentStatus, require_kind
from localcluster.errors import KindNameTaken, Unsupported
from localcluster.images import image_digests
from localcluster.kubectl import Kubectl
from localcluster.progress import Progress
from localcluster.run import run
from localcluster.state import ClusterState
from localcluster.tools import ensure_tools

CONFIG = paths.repository() / "kind-config.yaml"

#: kind's own default is not to wait at all.
_WAIT = "180s"

#: Component -> how to get its log from the node's container.
_LOGS: dict[str, tuple[str, ...]] = {
    "node": ("docker", "logs", "{node}"),
    "kubelet": ("docker", "exec", "{node}", "journalctl", "--no-pager", "--unit", "kubelet"),
    "containerd": ("docker", "exec", "{node}", "journalctl", "--no-pager", "--unit", "containerd"),
}


class KindEngine:
    """See the module's docstring."""

    def __init__(self, state: ClusterState, folder: Path, progress: Progress) -> None:
        self._state = state
        self._folder = folder
        self._progress = progress

    @property
    def _name(self) -> str:
        return self._state.name

    @property
    def _node(self) -> str:
        """The name kind gives to the only node's container."""
        return f"{self._name}-control-plane"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """kind clusters have none."""
        raise Unsupported(
            "expected an engine that writes an audit log, found kind", remedy="use --engine native or control-plane"
        )

    def up(self) -> None:
        """See :class:`Engine`."""
        require_kind()
        programs = ensure_tools(self._progress)
        if self._exists():
            self._must_be_ours()
            run("kind", "export", "kubeconfig", "--name", self._name, "--kubeconfig", str(self.kubeconfig))
        else:
            # Noted first: a run that is killed meanwhile leaves a cluster that is known to be ours.
            self._state.kind_created = True
            self._state.save(self._folder)
            with self._progress.step("create the kind cluster"):
                run(
                    "kind", "create", "cluster", "--name", self._name, "--config", str(CONFIG),
                    "--kubeconfig", str(self.kubeconfig), "--wait", _WAIT,
                )  # fmt: skip
        with self._progress.step("add resource metrics"):
            self.load_image(addon_images.ensure_archive(programs))
            manifests = addons.render(Addon.METRICS, kubelet_trust=addons.KUBELET_SELF_SIGNED)
            kubectl = Kubectl(programs / "kubectl", self.kubeconfig)
            kubectl.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifests)

    def down(self) -> None:
        """See :class:`Engine`."""
        if not self._state.kind_created:
            return
        require_kind()
        with self._progress.step("delete the kind cluster"):
            run("kind", "delete", "cluster", "--name", self._name, "--kubeconfig", str(self.kubeconfig))

    def _exists(self) -> bool:
        return self._name in run("kind", "get", "clusters").split()

    def _must_be_ours(self) -> None:
        if not self._state.kind_created:
            raise KindNameTaken(
                f"expected no kind cluster named {self._name}, found one that was not made here",
                remedy="choose another --name, or delete it yourself: `kind delete cluster`",
            )

    def status(self) -> Sequence[ComponentStatus]:
        """See :class:`Engine`."""
        text = run(
            "docker", "ps", "--all", "--filter", f"label=io.x-k8s.kind.cluster={self._name}",
            "--format", "{{.Names}}\t{{.State}}",
        )  # fmt: skip
        rows = [line.split("\t") for line in text.splitlines()]
        return [ComponentStatus(name, state) for name, state in rows] or [ComponentStatus(self._node, "stopped")]

    def load_image(self, archive: Path) -> list[str]:
        """See :class:`Engine`."""
        run("kind", "load", "image-archive", str(archive), "--name", self._name)
        return sorted(image_digests(archive))

    def log(self, component: str) -> Path:
        """See :class:`Engine`; the file is what Docker says now."""
        path = self._folder / "log" / f"{component}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(run(*(part.format(node=self._node) for part in _LOGS[component])))
        return path

    def components(self) -> Sequence[str]:
        """See :class:`Engine`."""
        return tuple(_LOGS)
