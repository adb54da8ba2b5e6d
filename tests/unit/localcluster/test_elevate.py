# SPDX-License-Identifier: Apache-2.0
"""What an ordinary user does as root, by sudo, on stand-ins that note how they are called."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from images.oci import Image, write_archive
from localcluster import Cluster, cluster, elevate, kubeconfig, paths
from localcluster.errors import CommandFailed, NotRoot
from localcluster.kindhost import kit
from localcluster.state import ClusterState
from tests.unit.localcluster.stand_ins import StandIns


@pytest.fixture
def ordinary_user(programs: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    monkeypatch.setattr(elevate, "is_root", lambda: False)
    monkeypatch.setattr(cluster, "ensure_tools", lambda _progress: programs.folder)
    monkeypatch.setattr("localcluster.addon_images.ensure_archive", lambda _programs: programs.folder / "addons.tar")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return programs


def made(engine: str) -> Cluster:
    """A cluster that exists."""
    found = Cluster("one", engine)
    ClusterState("one", engine).save(found.folder)
    return found


def as_root(programs: StandIns) -> list[str]:
    """What the only call of sudo runs, without the settings of the environment."""
    (call,) = programs.calls("sudo")
    return call[call.index("-m") :]


def test_without_root_and_sudo_the_error_names_the_ways_out(ordinary_user: StandIns) -> None:
    with pytest.raises(NotRoot, match="control-plane"):
        Cluster("one", "native").up()


def test_with_sudo_the_same_command_runs_as_root_on_the_users_folders(ordinary_user: StandIns, tmp_path: Path) -> None:
    ordinary_user.add("sudo")

    Cluster("one", "native", fsync=False).up()

    (call,) = ordinary_user.calls("sudo")
    assert call[0] == "env"
    assert f"MLOPS_LOCALCLUSTER_HOME={tmp_path / 'home'}" in call
    assert f"XDG_CACHE_HOME={tmp_path / 'cache'}" in call
    assert as_root(ordinary_user) == ["-m", "localcluster", "up", "--name", "one", "--engine", "native", "--no-fsync"]


def test_root_itself_needs_no_sudo() -> None:
    assert elevate.is_root() == (os.geteuid() == 0)


def test_the_command_without_sudo_fails_before_anything_runs(programs: StandIns) -> None:
    with pytest.raises(NotRoot):
        elevate.command("up")


def test_down_and_images_go_the_same_way(ordinary_user: StandIns, archive: Path) -> None:
    ordinary_user.add("sudo")
    write_archive(archive, [Image("localhost/a:1", [])])
    assert made("native").load_image(archive) == ["localhost/a:1"]
    made("native").down()
    commands = [call[call.index("-m") + 2 :] for call in ordinary_user.calls("sudo")]
    name = ["--name", "one", "--engine", "native"]
    assert commands == [["load-image", *name, str(archive)], ["down", *name]]


def test_the_down_of_nothing_asks_for_no_password(ordinary_user: StandIns) -> None:
    ordinary_user.add("sudo")
    Cluster("one", "native").down()
    assert ordinary_user.calls("sudo") == []


def test_kind_without_docker_is_made_by_sudo_after_its_tools(
    ordinary_user: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long is built before, as the user: no file in the user's caches belongs to root afterwards."""
    ordinary_user.add("sudo")
    order: list[str] = []
    monkeypatch.setattr(cluster, "ensure_kind_tools", lambda _progress: order.append("tools"))
    monkeypatch.setattr(subprocess, "run", recorded(order, subprocess.run))
    Cluster("one", "kind").up()
    assert order == ["tools", "sudo"]
    assert as_root(ordinary_user) == ["-m", "localcluster", "up", "--name", "one", "--engine", "kind"]


def recorded(order: list[str], run: Callable[..., Any]) -> Callable[..., Any]:
    """`run` that notes the name of the program."""

    def noted(command: list[str], **options: Any) -> Any:
        order.append(Path(command[0]).name)
        return run(command, **options)

    return noted


def test_kind_on_the_machines_docker_needs_no_sudo(ordinary_user: StandIns) -> None:
    ordinary_user.add("docker", "sudo")
    assert not kit.needs_root(None)
    state = ClusterState("one", "kind")
    state.kind_created = True
    assert not kit.needs_root(state)


def test_a_sudo_that_refuses_is_an_error_that_names_the_command(ordinary_user: StandIns) -> None:
    ordinary_user.add("sudo")
    ordinary_user.answer(failing=(f"sudo env MLOPS_LOCALCLUSTER_HOME={paths.state_home()}",))
    with pytest.raises(CommandFailed, match="`localcluster up --name one --engine native` as root ended with code 1"):
        Cluster("one", "native").up()


def test_what_root_writes_for_the_user_belongs_to_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: list[tuple[Path, int, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, user, group: owners.append((path, user, group)))
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    kubeconfig.hand_over(tmp_path)
    monkeypatch.delenv("SUDO_UID")
    monkeypatch.delenv("SUDO_GID")
    kubeconfig.hand_over(tmp_path)
    assert owners == [(tmp_path, 1000, 1001), (tmp_path, -1, -1)]
