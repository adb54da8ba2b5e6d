# SPDX-License-Identifier: Apache-2.0
"""What every engine can do, and which one to take."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

#: Docker's answer takes milliseconds when it runs; a hanging daemon must not hang us.
_DOCKER_TIMEOUT_SECONDS = 10


class EngineName(StrEnum):
    """The ways to run a cluster."""

    NATIVE = "native"
    KIND = "kind"
    CONTROL_PLANE = "control-plane"


#: State of a component that was removed without this tool.
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One line of ``status``."""

    component: str
    state: str
    pid: int | None = None
    #: Unix time in seconds.
    since: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to do about it."""
        return self.state in {"running", "ready"}


class Engine(Protocol):
    """One way to run one cluster."""

    def up(self) -> None:
        """Start it, or what is missing of it; return when it is usable."""

    def down(self) -> None:
        """End it and remove everything of it but its state folder."""

    def status(self) -> Sequence[ComponentStatus]:
        """What runs and what does not."""

    def load_images(self, archives: Sequence[Path]) -> list[str]:
        """Make the images in OCI or Docker archives usable by pods; their references."""

    @property
    def audit_log(self) -> Path:
        """Where the API server writes its audit log, if it was asked for one."""

    def log(self, component: str) -> Path:
        """The file that a component's output goes to."""

    def components(self) -> Sequence[str]:
        """The components that :meth:`log` knows."""

    def clients(self) -> Path:
        """The folder of kubectl and Helm for it."""


def docker_answers(environment: Mapping[str, str] | None = None) -> bool:
    """Whether a Docker daemon can be used: the one that ``environment``, added to this process's, names."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        result = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            timeout=_DOCKER_TIMEOUT_SECONDS,
            env={**os.environ, **(environment or {})},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return result.returncode == 0


def default_engine() -> EngineName:
    """Kind where it can run, else native."""
    if shutil.which("kind") is not None and docker_answers():
        return EngineName.KIND
    return EngineName.NATIVE
