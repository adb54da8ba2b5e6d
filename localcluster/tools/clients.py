# SPDX-License-Identifier: Apache-2.0
"""kubectl and Helm for a cluster that brings its own Kubernetes: the machine's where they are recent enough."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster.progress import Progress

#: A program's version takes milliseconds; one that waits for something must not hang us.
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may be on PATH, and the oldest release of it that will do."""

    program: str
    oldest: tuple[int, int]
    #: The arguments that make it print its own version, without asking a cluster.
    version: tuple[str, ...]


#: Kubernetes 1.30 is the oldest that the charts run on.
KUBECTL = Client("kubectl", (1, 30), ("version", "--client", "--output=json"))
#: The first Helm made for Kubernetes 1.30, by its own table of supported versions. The pinned one is what is tested.
HELM = Client("helm", (3, 15), ("version", "--template={{.Version}}"))
CLIENTS = (KUBECTL, HELM)

_VERSION = re.compile(r"\bv(\d+)\.(\d+)\.\d+\S*?(?=[\"\s]|$)")


@dataclass(frozen=True, slots=True)
class Found:
    """A program on PATH that will do, or why there is none: exactly one of the two."""

    path: Path | None = None
    problem: str = ""


def find(client: Client) -> Found:
    """The program on PATH, if it is recent enough."""
    wanted = f"v{client.oldest[0]}.{client.oldest[1]} or newer"
    path = shutil.which(client.program)
    if path is None:
        return Found(problem=f"expected {client.program} {wanted} on PATH, found none")
    version = _version_of(path, client)
    if version is None:
        return Found(problem=f"expected {client.program} {wanted}, found {path}, which does not print its version")
    number = (int(version[1]), int(version[2]))
    if number < client.oldest:
        return Found(problem=f"expected {client.program} {wanted}, found {version[0]} at {path}")
    return Found(Path(path))


def _version_of(path: str, client: Client) -> re.Match[str] | None:
    try:
        done = subprocess.run(
            [path, *client.version], capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _VERSION.search(done.stdout) if done.returncode == 0 else None


def prepare(folder: Path, sources: Mapping[str, Callable[[], Path]], progress: Progress) -> Path:
    """``folder`` with a link to each client: to the machine's, else to what its source in ``sources`` makes.

    A source is asked once; its program stays, also if the machine gets one meanwhile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for client in CLIENTS:
        link = folder / client.program
        if link.exists():
            continue
        found = find(client)
        if found.path is None:
            progress.note(f"{found.problem}; another one is used")
        target = found.path or sources[client.program]()
        if target != link:
            temporary = link.with_suffix(f".{os.getpid()}")
            temporary.symlink_to(target)
            temporary.replace(link)
    return folder
