# SPDX-License-Identifier: Apache-2.0
"""Which engine is taken, on stand-ins that note how they are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import Cluster, elevate, engine
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
