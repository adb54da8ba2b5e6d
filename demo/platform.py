# SPDX-License-Identifier: Apache-2.0
"""A local cluster with the operator in it: tools, cluster, images, charts, in that order."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from demo.charts import ROOT, SYSTEM_NAMESPACE, Charts, InstallError
from demo.story import NAMESPACE, WORKLOAD_IMAGE
from localcluster import Cluster
from localcluster.images import ensure_archives
from localcluster.kubectl import Kubectl
from localcluster.progress import Progress, Quiet

__all__ = ["IMAGES", "ROOT", "SYSTEM_NAMESPACE", "InstallError", "Platform"]

IMAGES: Final = ("mlops-base", "mlops-operator", "mlops-workload", "mlops-server")


class Platform:
    """Everything below the story.

    Args:
        name: the local cluster's name.
        engine: `native`, `kind`, or None for what fits the machine.
        progress: receives every long step.
        audit: whether the API server of a new cluster writes down every request.
        config: kind's configuration of a new cluster; None for one node.
        patches: files of kubeadm patches to add to it.
    """

    image = WORKLOAD_IMAGE
    """The workload image, as pods name it."""

    clean_up = "make clean-cluster"
    """The command that ends it."""

    def __init__(
        self,
        name: str,
        *,
        engine: str | None = None,
        progress: Progress | None = None,
        audit: bool = False,
        config: Path | None = None,
        patches: Sequence[Path] = (),
    ) -> None:
        self.progress: Progress = progress or Quiet()
        self.cluster = Cluster(name, engine, progress=self.progress, audit=audit, config=config, patches=patches)

    @cached_property
    def tools(self) -> Path:
        """Folder of kubectl and Helm for the cluster, which is up."""
        return self.cluster.clients()

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as the cluster's administrator."""
        return Kubectl(self.tools / "kubectl", self.cluster.kubeconfig)

    @property
    def command(self) -> str:
        """The kubectl command for the cluster."""
        return f"{self.tools / 'kubectl'} --kubeconfig {self.cluster.kubeconfig}"

    @property
    def charts(self) -> Charts:
        """The charts in the cluster."""
        return Charts(self.tools / "helm", (f"--kubeconfig={self.cluster.kubeconfig}",), self.command)

    def up(self) -> None:
        """Make what is missing; quick where everything is there."""
        self.cluster.up()
        archives = ensure_archives(IMAGES, self.progress)
        with self.progress.step("load the images"):
            self.cluster.load_images(archives)
        with self.progress.step("install the operator by Helm"):
            self.install("mlops-operator-crds")
            # The tag stays `dev` whatever is in the image: the annotation lets a new build replace the running pod.
            build = next(archive.stem for archive in archives if archive.name.startswith("mlops-operator"))
            self.install("mlops-operator", f"--set=podAnnotations.build={build}", "--wait", "--timeout=3m")

    def down(self) -> None:
        """End the cluster and remove all it left."""
        self.cluster.down()

    def make_room(self) -> None:
        """Remove what an earlier story left."""
        with self.progress.step("make room for the story"):
            self.kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)

    def install(self, chart: str, *options: str) -> None:
        """See `Charts.install`."""
        self.charts.install(chart, *options)

    def helm(self, *arguments: str) -> str:
        """See `Charts.run`."""
        return self.charts.run(*arguments)
