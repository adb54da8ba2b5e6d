# SPDX-License-Identifier: Apache-2.0
"""Wheels, built by setuptools from a copy of the sources whose bytes, modes and times depend on the commit alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release.distributions import DISTRIBUTIONS, ROOT, Distribution, project, requirement, version

_BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def build_wheels(output: Path, *, epoch: int) -> list[Path]:
    """A wheel of each distribution, in ``output``; ``epoch`` is the time of every file in them."""
    return [_build(one, output, epoch) for one in DISTRIBUTIONS]


def _build(distribution: Distribution, output: Path, epoch: int) -> Path:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "source"
        for path, name in distribution.files():
            _copy(path, folder / "src" / name)
        _copy(ROOT / "LICENSE", folder / "LICENSE")
        (folder / "pyproject.toml").write_text(pyproject(distribution))
        made = Path(scratch) / "wheel"
        made.mkdir()
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-c", _BUILD, str(made)]
        # setuptools takes modes of what it writes itself from the process.
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, umask=0o022
        )
        if done.returncode != 0:
            raise RuntimeError(f"building the wheel of {distribution.name} failed:\n{done.stderr[-2000:]}")
        (wheel,) = made.glob("*.whl")
        return Path(shutil.move(wheel, output / wheel.name))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def pyproject(distribution: Distribution) -> str:
    """The pyproject.toml that a distribution is built with. Strings and lists of JSON are TOML as well."""
    lines = [
        "[build-system]",
        'requires = ["setuptools>=80"]',
        'build-backend = "setuptools.build_meta"',
        "[project]",
        f"name = {json.dumps(distribution.name)}",
        f"version = {json.dumps(version())}",
        f"description = {json.dumps(distribution.description)}",
        f"license = {json.dumps(project()['license'])}",
        'license-files = ["LICENSE"]',
        f"requires-python = {json.dumps(distribution.python or project()['requires-python'])}",
        f"dependencies = {json.dumps([requirement(name) for name in distribution.requires])}",
        "[project.optional-dependencies]",
        *(f"{extra} = {json.dumps(list(map(requirement, names)))}" for extra, names in distribution.extras.items()),
        "[project.scripts]",
        *(f"{name} = {json.dumps(call)}" for name, call in distribution.scripts.items()),
        "[tool.setuptools.packages.find]",
        'where = ["src"]',
        "[tool.setuptools.package-data]",
        '"*" = ["py.typed"]',
    ]
    return "\n".join(lines) + "\n"
