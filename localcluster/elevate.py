# SPDX-License-Identifier: Apache-2.0
"""Do again as root, by sudo, what needs root.

Only the one command that needs it runs as root; what takes long or goes to the user's caches was done before as the
user, so that no file there ends up belonging to root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from localcluster import paths
from localcluster.errors import CommandFailed, NotRoot


def is_root() -> bool:
    """Whether this process has root's rights."""
    return os.geteuid() == 0


def require() -> None:
    """Raise :class:`NotRoot` if root's rights cannot be had: before anything that takes long."""
    command()


def command(*arguments: str) -> list[str]:
    """The command line that runs ``python -m localcluster`` with ``arguments`` as root, on this user's folders."""
    sudo = shutil.which("sudo")
    if sudo is None:
        raise NotRoot(
            "expected to be root for a cluster with a node, or sudo to become root; found neither",
            remedy="run the command as root, install sudo, or use --engine control-plane if pods need not run",
        )
    environment = {
        # sudo resets all of these, or sets them for root.
        "MLOPS_LOCALCLUSTER_HOME": str(paths.state_home()),
        "XDG_CACHE_HOME": str(paths.cache_home().parent),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(paths.repository()), os.environ.get("PYTHONPATH")])),
        "PATH": os.environ.get("PATH", ""),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    return [sudo, "env", *settings, sys.executable, "-m", "localcluster", *arguments]


def run(*arguments: str) -> None:
    """Run it; its progress and problems are shown, its results are printed by the caller. sudo may ask for a
    password."""
    paths.state_home().mkdir(parents=True, exist_ok=True)
    result = subprocess.run(command(*arguments), stdout=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise CommandFailed(
            f"`localcluster {' '.join(arguments)}` as root ended with code {result.returncode}",
            remedy="see its message above",
        )
