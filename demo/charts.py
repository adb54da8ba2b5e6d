# SPDX-License-Identifier: Apache-2.0
"""The project's charts in one cluster, by Helm."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcluster import LocalClusterError

ROOT: Final = Path(__file__).resolve().parent.parent
SYSTEM_NAMESPACE: Final = "mlops-system"


class InstallError(LocalClusterError):
    """Helm could not do what was asked of it."""


@dataclass(frozen=True)
class Charts:
    """Runs Helm against one cluster, in the operator's namespace.

    Attributes:
        helm: the program.
        cluster: options that name the cluster.
        kubectl: how kubectl is called for that cluster, for hints.
    """

    helm: Path
    cluster: tuple[str, ...]
    kubectl: str

    def run(self, *arguments: str) -> str:
        """Standard output of `helm ARGUMENTS`.

        Raises:
            InstallError: it exited with an error.
        """
        command = [str(self.helm), *self.cluster, f"--namespace={SYSTEM_NAMESPACE}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode != 0:
            raise InstallError(
                f"helm {' '.join(arguments[:3])}: {done.stderr.strip() or done.stdout.strip()}",
                remedy=f"look: {self.kubectl} -n {SYSTEM_NAMESPACE} describe pods",
            )
        return done.stdout

    def install(self, chart: str, *options: str) -> None:
        """Install one of the project's charts, or bring what is installed in line with it.

        Raises:
            InstallError: Helm could not.
        """
        self.run("upgrade", "--install", chart, str(ROOT / "helm" / chart), "--create-namespace", *options)
