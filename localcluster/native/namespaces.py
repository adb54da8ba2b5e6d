# SPDX-License-Identifier: Apache-2.0
"""The namespaces a node lives in, held open by its first process.

Mounts, processes, network, host name and IPC are the node's own. When its first process ends, the kernel ends every
process in it and frees every mount and device with them: one signal takes a whole cluster down.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from localcluster import process
from localcluster.client import wait_for
from localcluster.errors import ComponentFailed
from localcluster.process import ProcessIdentity
from localcluster.run import run, system_environment

#: Where the node sees the cluster's programs.
PROGRAMS = Path("/run/bin")
#: Where the node sees its configuration, keys and sockets.
CONFIG = Path("/run/node")

_INIT = Path(__file__).with_name("node-init.sh")
#: The kinds of namespaces, as unshare and nsenter call them. Cgroups are shared: the kubelet manages the machine's.
_KINDS = ("--mount", "--pid", "--net", "--uts", "--ipc")
_START_SECONDS = 20.0

#: What the kubelet checks because it would otherwise set it for the whole machine. Shown to it, changed nowhere.
_SHOWN_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


class Node:
    """A running node, known by its first process."""

    def __init__(self, first: ProcessIdentity) -> None:
        self.first = first

    @property
    def pid(self) -> int:
        """The first process, as the machine numbers it."""
        return self.first.pid

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.pid), *_KINDS, "--"]

    def run(self, *command: str, stdin: str | IO[bytes] | None = None) -> str:
        """Run a command inside to its end."""
        return run(*self._enter(), *command, stdin=stdin)

    def spawn(self, command: Sequence[str], *, log: Path) -> None:
        """Start a command inside that outlives the caller, output appended to ``log``."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            subprocess.run(
                [*self._enter(), "setsid", "--fork", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=system_environment(),
                check=True,
            )

    def find(self, program: str) -> ProcessIdentity | None:
        """The process inside that runs ``program`` and was started by :meth:`spawn`.

        Such processes are the first process's children. One that has not got from setsid to its program yet counts.
        """
        for identity in process.children(self.pid):
            command = identity.command[2:] if identity.command[:2] == ("setsid", "--fork") else identity.command
            if command[:1] == (program,):
                return identity
        return None


def start(folder: Path, *, hostname: str, programs: Path, mark: str) -> Node:
    """Make a node whose writable places are below ``folder``.

    ``mark`` appears in the first process's command line, so that users can identify it.
    """
    for name in ("run/bin", "run/node", "run/sysctl", "lib", "varlog", "cgroup"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, value in _SHOWN_SYSCTLS.items():
        path = folder / "run/sysctl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    log = folder / "log/node.log"
    launcher = process.spawn(
        [
            "unshare", *_KINDS, "--propagation", "private", "--fork", "--kill-child",
            "sh", str(_INIT), str(folder), str(programs), hostname, mark,
        ],
        log=log,
        environment=system_environment(),
    )  # fmt: skip
    found: list[ProcessIdentity] = []

    def settled() -> bool:
        found[:] = [one for one in process.children(launcher.pid) if one.command[0] == str(PROGRAMS / "pause")]
        return bool(found) or not process.is_running(launcher)

    if not wait_for(settled, seconds=_START_SECONDS) or not found:
        process.stop(launcher)
        raise ComponentFailed("node", "did not get its namespaces", log)
    return Node(found[0])


def clear_runtime(folder: Path) -> None:
    """Forget what a reboot would make a node forget: sockets, pid files, running containers, addresses in use."""
    shutil.rmtree(folder / "run", ignore_errors=True)
