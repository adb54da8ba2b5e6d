"""A local cluster with the operator in it: tools, cluster, images, charts, in that order."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from localcluster import Cluster
from localcluster.kubectl import Kubectl
from localcluster.tools import ensure_tools

ROOT: Final = Path(__file__).resolve().parent.parent
SYSTEM_NAMESPACE: Final = "mlops-system"
IMAGES: Final = ("operator", "workload", "server")


class Platform:
    """Everything below the story.

    Args:
        name: the local cluster's name.
        engine: `native`, `kind`, or None for what fits the machine.
        announce: called with each long step's title when it begins.
    """

    def __init__(self, name: str, *, engine: str | None = None, announce: Callable[[str], None]) -> None:
        self.announce = announce
        self.cluster = Cluster(name, engine)

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as the cluster's administrator."""
        return Kubectl(ensure_tools() / "kubectl", self.cluster.kubeconfig)

    def up(self) -> None:
        """Make what is missing; quick where everything is there."""
        self.announce("Tools: Kubernetes, DNS, storage, metrics and Helm from pinned Go modules")
        ensure_tools()
        self.announce("Cluster")
        self.cluster.up()
        self.announce("Images")
        self.load_images()
        self.announce("Operator, by Helm")
        self.install()

    def down(self) -> None:
        """End the cluster and remove all it left."""
        self.cluster.down()

    def load_images(self) -> None:
        """Build the operator's, the workload's and the model server's image, and put them on the node."""

    def install(self) -> None:
        """Both charts, as a user installs them."""
        self._helm("mlops-operator-crds", wait=False)
        self._helm("mlops-operator", wait=True)

    def _helm(self, chart: str, *, wait: bool) -> None:
        command = [
            str(ensure_tools() / "helm"),
            f"--kubeconfig={self.cluster.kubeconfig}",
            "upgrade",
            "--install",
            chart,
            str(ROOT / "helm" / chart),
            f"--namespace={SYSTEM_NAMESPACE}",
            "--create-namespace",
            *(("--wait", "--timeout=3m") if wait else ()),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise RuntimeError(f"helm could not install {chart}: {done.stderr.strip()}")
