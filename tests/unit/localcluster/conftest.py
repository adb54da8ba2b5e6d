# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for Docker, kind and the clients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from localcluster import kind
from localcluster.progress import Progress
from tests.unit.localcluster.stand_ins import StandIns


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("MLOPS_LOCALCLUSTER_HOME", str(tmp_path / "home"))
    return StandIns(folder)


@pytest.fixture
def kind_programs(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    programs.add("kind", "docker", "kubectl", "helm")
    built: list[str] = []

    def ensure_programs(names: Sequence[str], _progress: Progress) -> Path:
        built.extend(names)
        return programs.folder

    programs.built = built
    monkeypatch.setattr(kind, "ensure_programs", ensure_programs)
    monkeypatch.setattr(kind, "ensure_tools", lambda _progress: programs.folder)
    archive = programs.folder / "addons.tar"
    archive.write_bytes(b"")
    monkeypatch.setattr("localcluster.addon_images.ensure_archive", lambda _programs, _names: archive)
    monkeypatch.setattr(kind, "image_digests", lambda _archive: {"localhost/one:1": "sha256:1"})
    return programs


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(b"")
    return path
