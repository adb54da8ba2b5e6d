# SPDX-License-Identifier: Apache-2.0
"""Cgroups of both versions, on trees of plain files that look like them."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster.errors import StillBusy
from localcluster.native import cgroups


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    for controller in ("cpu", "cpuset", "memory", "unified"):
        (tmp_path / controller).mkdir()
    (tmp_path / "cpuset/cpuset.cpus").write_text("0-3\n")
    (tmp_path / "cpuset/cpuset.mems").write_text("0\n")
    (tmp_path / "cpuacct").symlink_to("cpu")
    return tmp_path


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids misc\n")
    (tmp_path / "cgroup.subtree_control").write_text("memory pids\n")
    return tmp_path


def test_version_1_gets_a_group_in_every_tree_and_a_usable_cpuset(version_1: Path) -> None:
    cgroups.create("mlops-1", version_1)

    assert all((version_1 / controller / "mlops-1").is_dir() for controller in ("cpu", "cpuset", "memory", "unified"))
    assert (version_1 / "cpuset/mlops-1/cpuset.cpus").read_text() == "0-3\n"
    assert (version_1 / "cpuset/mlops-1/cpuset.mems").read_text() == "0\n"


def test_version_2_gets_one_group_and_only_missing_controllers_are_enabled(
    version_2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write_text = Path.write_text

    def note(self: Path, data: str) -> int:
        written.append(data)
        return write_text(self, data)

    monkeypatch.setattr(Path, "write_text", note)

    cgroups.create("mlops-1", version_2)

    assert (version_2 / "mlops-1").is_dir()
    assert written == ["+cpu", "+cpuset", "+io"]


def test_the_version_is_told_by_the_root_alone(version_1: Path, tmp_path: Path) -> None:
    (version_1 / "unified/cgroup.controllers").write_text("")
    assert not cgroups.is_version_2(version_1)
    (tmp_path / "cgroup.controllers").write_text("cpu")
    assert cgroups.is_version_2(tmp_path)


def test_removing_takes_everything_below_and_nothing_beside(version_1: Path) -> None:
    for name in ("mlops-1", "mlops-10"):
        (version_1 / "memory" / name / "kubepods/pod1").mkdir(parents=True)

    cgroups.remove("mlops-1", version_1)

    assert not cgroups.exists("mlops-1", version_1)
    assert (version_1 / "memory/mlops-10/kubepods/pod1").is_dir()


def test_a_group_that_stays_busy_is_an_error_that_names_it(version_2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (version_2 / "mlops-1/kubepods").mkdir(parents=True)
    # What a process inside means to rmdir(2).
    (version_2 / "mlops-1/kubepods/cgroup.procs").write_text("4711")
    monkeypatch.setattr(cgroups, "_REMOVE_SECONDS", 0.2)

    with pytest.raises(StillBusy, match=r"mlops-1"):
        cgroups.remove("mlops-1", version_2)
