# SPDX-License-Identifier: Apache-2.0
"""Which engine is taken, and the commands that sudo is given, on stand-ins that note how they are called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcluster import Cluster, cluster, elevate, engine
from localcluster.engine import EngineName
from localcluster.errors import EngineMismatch, NotRoot, Unsupported
from localcluster.state import ClusterState
from tests.unit.localcluster.stand_ins import StandIns


def test_kind_is_the_default_only_where_it_can_run(programs: StandIns) -> None:
    assert engine.default_engine() == EngineName.NATIVE
    programs.add("kind")
    assert engine.default_engine() == EngineName.NATIVE
    programs.add("docker")
    assert engine.default_engine() == EngineName.KIND
    programs.answer(failing=("docker version --format",))
    assert engine.default_engine() == EngineName.NATIVE


def test_without_docker_kind_needs_root_or_sudo(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    with pytest.raises(NotRoot):
        Cluster("one", "kind").up()


def test_a_cluster_of_another_engine_is_left_alone(programs: StandIns) -> None:
    ClusterState("one", "kind").save(Cluster("one").folder)

    with pytest.raises(EngineMismatch, match="kind"):
        Cluster("one", "control-plane").up()


def test_a_control_plane_takes_no_images(programs: StandIns, tmp_path: Path) -> None:
    ClusterState("one", "control-plane").save(Cluster("one").folder)
    (tmp_path / "image.tar").write_bytes(b"")

    with pytest.raises(Unsupported, match="node"):
        Cluster("one").load_image(tmp_path / "image.tar")


@pytest.fixture
def ordinary_user(programs: StandIns, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    monkeypatch.setattr(cluster, "ensure_tools", lambda _progress: programs.folder)
    monkeypatch.setattr("localcluster.addon_images.ensure_archive", lambda _programs: programs.folder / "addons.tar")
    return programs


def test_without_root_and_sudo_the_error_names_the_ways_out(ordinary_user: StandIns) -> None:
    with pytest.raises(NotRoot, match="control-plane"):
        Cluster("one", "native").up()


def test_with_sudo_the_same_command_runs_as_root_on_the_users_folders(
    ordinary_user: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary_user.add("sudo")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    Cluster("one", "native", fsync=False).up()

    (call,) = ordinary_user.calls("sudo")
    assert call[0] == "env"
    assert f"MLOPS_LOCALCLUSTER_HOME={tmp_path / 'home'}" in call
    assert f"XDG_CACHE_HOME={tmp_path / 'cache'}" in call
    start = call.index("-m")
    assert call[start:] == ["-m", "localcluster", "up", "--name", "one", "--engine", "native", "--no-fsync"]


def test_root_itself_needs_no_sudo() -> None:
    assert elevate.is_root() == (os.geteuid() == 0)


def test_the_command_without_sudo_fails_before_anything_runs(programs: StandIns) -> None:
    with pytest.raises(NotRoot):
        elevate.command("up")
