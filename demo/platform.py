"""A local cluster with the operator in it: tools, cluster, images, charts, in that order."""

import subprocess
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from localcluster import Cluster, LocalClusterError
from localcluster.images import ensure_archives
from localcluster.kubectl import Kubectl
from localcluster.progress import Progress, Quiet
from localcluster.tools import ensure_tools

ROOT: Final = Path(__file__).resolve().parent.parent
SYSTEM_NAMESPACE: Final = "mlops-system"
IMAGES: Final = ("mlops-base", "mlops-operator", "mlops-workload", "mlops-server")


class InstallError(LocalClusterError):
    """Helm could not do what was asked of it."""


class Platform:
    """Everything below the story.

    Args:
        name: the local cluster's name.
        engine: `native`, `kind`, or None for what fits the machine.
        progress: told of every long step.
        audit: whether the API server of a new cluster writes down every request.
        config: kind's configuration of a new cluster; None for one node.
        patches: files of kubeadm patches to add to it.
    """

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
        """Folder of kubectl, helm and the rest; built the first time."""
        return ensure_tools(self.progress)

    @property
    def kubectl(self) -> Kubectl:
        """kubectl as the cluster's administrator."""
        return Kubectl(self.tools / "kubectl", self.cluster.kubeconfig)

    def up(self) -> None:
        """Make what is missing; quick where everything is there."""
        self.cluster.up()
        archives = ensure_archives(IMAGES, self.progress)
        with self.progress.step("load the images") as step:
            for archive in archives:
                step.update(archive.name)
                self.cluster.load_image(archive)
        with self.progress.step("install the operator by Helm"):
            self.install("mlops-operator-crds")
            # The tag stays `dev` whatever is in the image: the annotation lets a new build replace the running pod.
            build = next(archive.stem for archive in archives if archive.name.startswith("mlops-operator"))
            self.install("mlops-operator", f"--set=podAnnotations.build={build}", "--wait", "--timeout=3m")

    def down(self) -> None:
        """End the cluster and remove all it left."""
        self.cluster.down()

    def install(self, chart: str, *options: str) -> None:
        """Install one of the project's charts, or bring what is installed in line with it.

        Raises:
            InstallError: Helm could not.
        """
        self.helm("upgrade", "--install", chart, str(ROOT / "helm" / chart), "--create-namespace", *options)

    def helm(self, *arguments: str) -> str:
        """Standard output of `helm ARGUMENTS` in the operator's namespace.

        Raises:
            InstallError: it exited with an error.
        """
        scope = (f"--kubeconfig={self.cluster.kubeconfig}", f"--namespace={SYSTEM_NAMESPACE}")
        command = [str(self.tools / "helm"), *scope, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise InstallError(
                f"helm {' '.join(arguments[:3])}: {done.stderr.strip() or done.stdout.strip()}",
                remedy=f"look: kubectl --kubeconfig {self.cluster.kubeconfig} -n {SYSTEM_NAMESPACE} describe pods",
            )
        return done.stdout
