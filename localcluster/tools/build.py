# SPDX-License-Identifier: Apache-2.0
"""Build every program from one Go module and keep the result under the hash of what it was built from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from localcluster import disk, locks, paths
from localcluster.errors import BuildFailed
from localcluster.progress import Progress, Quiet, Step
from localcluster.tools import catalog, golang

#: Go's build cache, its module cache and the programs themselves, measured with some room above.
COLD_BUILD_BYTES = 8 << 30

#: The same for a few programs.
SMALL_BUILD_BYTES = 3 << 30

#: Program -> Go package.
Packages: TypeAlias = Mapping[str, str]

_REMEDY = "check network access to the Go modules (GOPROXY and GOFLAGS are respected), then try again"


def ensure_tools(progress: Progress | None = None) -> Path:
    """The folder that holds every program of :data:`catalog.PACKAGES`, built first if it is not there yet."""
    return _ensure(catalog.PACKAGES, f"build Kubernetes {catalog.kubernetes_version()} and its tools", progress)


def ensure_kind_tools(progress: Progress | None = None) -> Path:
    """The same for :data:`catalog.KIND_PACKAGES`."""
    return _ensure(catalog.KIND_PACKAGES, "build kind and what its nodes need", progress)


def ensure_flux(progress: Progress | None = None) -> Path:
    """The same for :data:`catalog.FLUX_PACKAGES`."""
    title = "build Flux's kustomize-controller"
    return _ensure(catalog.FLUX_PACKAGES, title, progress, module=catalog.FLUX_MODULE)


def ensure_actionlint(progress: Progress | None = None) -> Path:
    """The same for :data:`catalog.ACTIONLINT_PACKAGES`."""
    packages, module = catalog.ACTIONLINT_PACKAGES, catalog.ACTIONLINT_MODULE
    return _ensure(packages, "build actionlint", progress, space=SMALL_BUILD_BYTES, module=module)


def ensure_programs(names: Sequence[str], progress: Progress | None = None) -> Path:
    """A folder that holds these programs of :data:`catalog.PACKAGES`: only they are built if they are not there yet."""
    if (everything := _recorded(catalog.PACKAGES)) is not None:
        return everything
    packages = {name: catalog.PACKAGES[name] for name in names}
    return _ensure(packages, f"build {', '.join(names)}", progress, space=SMALL_BUILD_BYTES)


def module_folder(path: str, progress: Progress, *, module: Path = catalog.MODULE) -> Path:
    """The folder with the sources of a module that the go.mod of ``module`` pins."""
    toolchain = golang.find(progress)
    command = [toolchain.command, "mod", "download", "-json", path]
    result = subprocess.run(command, cwd=module, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildFailed(
            f"go mod download {path} ended with code {result.returncode}: {result.stderr}", remedy=_REMEDY
        )
    return Path(json.loads(result.stdout)["Dir"])


def _ensure(
    packages: Packages,
    title: str,
    progress: Progress | None,
    *,
    space: int | None = None,
    module: Path = catalog.MODULE,
) -> Path:
    progress = progress or Quiet()
    if (recorded := _recorded(packages, module)) is not None:
        return recorded
    toolchain = golang.find(progress)
    folder = paths.cache_home() / "bin" / _key(packages, toolchain.version, module)
    with locks.exclusive(folder.with_suffix(".lock")):
        if not _complete(folder, packages):
            needed = space or COLD_BUILD_BYTES
            disk.require(_build_cache(toolchain), needed, what="a build of the cluster's programs")
            with progress.step(title) as step:
                _build(toolchain, packages, folder, step, module)
    _record(folder, packages, module)
    return folder


def _inputs_digest(packages: Packages, module: Path) -> str:
    """Hash of everything in the module that the programs are built from."""
    digest = hashlib.sha256()
    sources = [module / "go.mod", module / "go.sum", *sorted(module.rglob("*.go"))]
    for path in sources:
        digest.update(f"{path.relative_to(module)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    digest.update(repr(sorted(packages.items())).encode() + catalog.linker_flags().encode())
    return digest.hexdigest()


def _key(packages: Packages, go_version: str, module: Path = catalog.MODULE) -> str:
    return hashlib.sha256(f"{_inputs_digest(packages, module)}\0{go_version}".encode()).hexdigest()[:16]


def _complete(folder: Path, packages: Packages) -> bool:
    return all((folder / program).exists() for program in packages)


def _pointer(packages: Packages, module: Path) -> Path:
    return paths.cache_home() / "bin" / f"{_inputs_digest(packages, module)[:16]}.current"


def _recorded(packages: Packages, module: Path = catalog.MODULE) -> Path | None:
    """The folder that the last build of these inputs made: a warm start needs no Go at all."""
    try:
        pointer = _pointer(packages, module)
        folder = pointer.parent / pointer.read_text().strip()
    except FileNotFoundError:
        return None
    return folder if _complete(folder, packages) else None


def _record(folder: Path, packages: Packages, module: Path = catalog.MODULE) -> None:
    pointer = _pointer(packages, module)
    temporary = pointer.with_suffix(f".{os.getpid()}")
    temporary.write_text(folder.name)
    os.replace(temporary, pointer)


def _build_cache(toolchain: golang.Toolchain) -> Path:
    result = subprocess.run([toolchain.command, "env", "GOCACHE"], capture_output=True, text=True, check=True)
    return Path(result.stdout.strip())


def _build(toolchain: golang.Toolchain, packages: Packages, folder: Path, step: Step, module: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        for group in catalog.build_groups(packages):
            _go_build(toolchain, group, temporary, step, module)
        for program, built_as in catalog.BUILT_AS.items():
            if program in packages:
                (temporary / built_as).rename(temporary / program)
        if not _complete(temporary, packages):
            missing = sorted(program for program in packages if not (temporary / program).exists())
            raise BuildFailed(f"expected go build to write {', '.join(missing)}, found none", remedy="report it")
        temporary.chmod(0o755)
        # What is there is incomplete, or we would not be here: an interrupted clean-up.
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _go_build(toolchain: golang.Toolchain, packages: list[str], output: Path, step: Step, module: Path) -> None:
    """Run one build; ``go build -v`` names each package on a line as it is compiled."""
    command = [
        toolchain.command, "build", "-v", "-trimpath", "-ldflags", catalog.linker_flags(),
        "-o", f"{output}/", *packages,
    ]  # fmt: skip
    environment = {**os.environ, "CGO_ENABLED": "0"}
    lines: list[str] = []
    downloaded = compiled = 0
    with subprocess.Popen(
        command, cwd=module, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        # Linking prints nothing for minutes; the elapsed time is updated all the same.
        ticking = _Ticker(lambda: step.update(f"{downloaded} modules downloaded, {compiled} packages compiled"))
        ticking.start()
        try:
            for line in process.stderr or ():
                lines.append(line.rstrip())
                if line.startswith("go: downloading"):
                    downloaded += 1
                else:
                    compiled += 1
        finally:
            ticking.stop()
    if process.returncode != 0:
        text = "\n    ".join(lines[-20:])
        raise BuildFailed(
            f"go build ended with code {process.returncode}:\n    {text}",
            remedy=_REMEDY,
        )


class _Ticker(threading.Thread):
    """Calls a function every second."""

    def __init__(self, action: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._action = action
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(1.0):
            self._action()

    def stop(self) -> None:
        self._ended.set()
        self.join()
