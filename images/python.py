# SPDX-License-Identifier: Apache-2.0
"""Python code in images: wheels from a lock file, our own sources, and both compiled ahead.

Containers run on a read-only root, so byte code that is not in the image would be compiled again at every start.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from images.errors import ImageBuildError

#: Folders of tests inside installed packages; numpy.testing and the like are not among them.
_TEST_FOLDERS = ("tests", "test")
#: Packages whose test folders nothing imports at run time, and that are big enough to be worth it.
_STRIPPED = (
    "numpy",
    "scipy",
    "sklearn",
    "pandas",
    "joblib",
    "kubernetes",
    "psutil",
    "aiohttp",
    "grpc_tools",
    "narwhals",
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry of a lock file."""

    name: str
    version: str
    #: The entry's lines, hashes included.
    text: str


def read_lock(path: Path) -> list[Requirement]:
    """The entries of a lock file; ImageBuildError if one is not pinned and hashed."""
    entries: list[Requirement] = []
    joined = path.read_text().replace("\\\n", " ")
    for raw in joined.splitlines():
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        found = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        if found is None or "--hash=" not in line:
            raise ImageBuildError(
                f"expected `name==version --hash=...` in {path}, found {line[:80]!r}",
                remedy="make the lock files again: python -m images.lock",
            )
        entries.append(Requirement(found.group(1).lower(), found.group(2), line))
    return entries


def beyond(lock: Path, base: Path) -> list[Requirement]:
    """The entries of ``lock`` that ``base`` has not; ImageBuildError if the two disagree about a version."""
    versions = {entry.name: entry.version for entry in read_lock(base)}
    entries = read_lock(lock)
    for entry in entries:
        if versions.get(entry.name, entry.version) != entry.version:
            raise ImageBuildError(
                f"expected {entry.name} {versions[entry.name]} in {lock} as in {base}, found {entry.version}",
                remedy="make the lock files again: python -m images.lock",
            )
    return [entry for entry in entries if entry.name not in versions]


def install_wheels(requirements: Sequence[Requirement], target: Path, *, python: str, scratch: Path) -> None:
    """Install wheels, checked against their hashes, for the interpreter of the image (``python``, as in ``3.11``)."""
    lock = scratch / "requirements.txt"
    lock.write_text("".join(f"{requirement.text}\n" for requirement in requirements))
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
        "--no-compile", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version", python,
        "--implementation", "cp", "--target", str(target), "--requirement", str(lock),
    ]  # fmt: skip
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise ImageBuildError(
            f"expected {len(requirements)} wheels for Python {python}, pip reported:\n{result.stderr[-2000:]}",
            remedy="check network access to the packages; every wheel must exist for this Python and machine",
        )
    _strip(target)


def _strip(target: Path) -> None:
    # Console scripts name an interpreter of the building machine, and `python -m` does the same.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for package in _STRIPPED:
        for name in _TEST_FOLDERS:
            for folder in sorted((target / package).rglob(name)):
                if folder.is_dir():
                    shutil.rmtree(folder)
    for cache in list(target.rglob("__pycache__")):
        shutil.rmtree(cache)
    for record in target.glob("*.dist-info"):
        # They hold the building machine's paths and the order of installation.
        for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            (record / name).unlink(missing_ok=True)


def copy_sources(packages: Iterable[Path], target: Path) -> None:
    """Copy packages without what tools leave behind in them."""
    for package in packages:
        shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def compile_all(folder: Path, *, shown_as: str, base: Path) -> None:
    """Compile everything below ``folder`` with the interpreter of the base, whose byte code it must be.

    ``shown_as`` is the folder's path in the image, for tracebacks. The byte code names its source by hash and is
    never checked against it: its bytes depend on the source alone, and start-up need not stat the sources.
    """
    interpreter, environment = _interpreter(base)
    command = [
        *interpreter, "-m", "compileall", "-q", "-j", str(os.cpu_count() or 1), "--invalidation-mode", "unchecked-hash",
        "-s", str(folder), "-p", shown_as, str(folder),
    ]  # fmt: skip
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        output = (result.stdout + result.stderr)[-2000:]
        raise ImageBuildError(f"compiling {folder} for {shown_as} failed:\n{output}", remedy="fix the named file")


def _interpreter(base: Path) -> tuple[list[str], dict[str, str]]:
    """How to run the interpreter of an unpacked base on this machine: by its own loader, with its own libraries."""
    loaders = sorted((base / "usr/lib").glob("ld-linux*")) + sorted((base / "usr/lib64").glob("ld-linux*"))
    libraries = sorted(path.parent for path in base.glob("usr/lib/*/libc.so.6"))
    if not loaders or not libraries:
        raise ImageBuildError(f"expected a C library below {base}, found none", remedy="remove the cache, try again")
    program = base / "usr/bin/python3"
    environment = {
        "PYTHONHOME": str(base / "usr"),
        "PYTHONHASHSEED": "0",
        # Its own imports would leave byte code that names this machine's paths and times.
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }
    return [str(loaders[0]), "--library-path", str(libraries[0]), str(program)], environment
