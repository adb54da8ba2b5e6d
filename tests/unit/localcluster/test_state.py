# SPDX-License-Identifier: Apache-2.0
"""What clusters remember, where, and under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import paths
from localcluster.errors import InvalidName
from localcluster.process import ProcessIdentity
from localcluster.state import ClusterState


def test_state_survives_saving_and_loading(tmp_path: Path) -> None:
    identity = ProcessIdentity(12, 345, "boot", ("etcd", "--name=a b"))
    state = ClusterState("one", "native", slot=3, fsync=False, processes={"node": identity}, images={"a:1": "sha256:0"})

    state.save(tmp_path / "one")

    assert ClusterState.load(tmp_path / "one") == state


def test_nothing_saved_is_no_state(tmp_path: Path) -> None:
    assert ClusterState.load(tmp_path) is None
    assert not ClusterState.exists(tmp_path)


@pytest.mark.parametrize("name", ["a", "mlops", "test-1", "a" * 30])
def test_usable_names(name: str) -> None:
    assert paths.check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a_b", "a/b", "..", "a" * 31])
def test_names_that_could_harm_are_refused_with_the_rule(name: str) -> None:
    with pytest.raises(InvalidName, match="lower-case letters"):
        paths.check_name(name)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MLOPS_LOCALCLUSTER_HOME": "/srv/clusters", "XDG_STATE_HOME": "/state"}, Path("/srv/clusters")),
        ({"XDG_STATE_HOME": "/state"}, Path("/state/mlops-localcluster")),
        ({}, Path.home() / ".local/state/mlops-localcluster"),
    ],
)
def test_where_state_is_kept(environment: dict[str, str], expected: Path) -> None:
    assert paths.state_home(environment) == expected


def test_sockets_are_inside_the_state_folder_if_their_paths_fit() -> None:
    assert paths.socket_dir(Path("/home/me/.local/state/mlops-localcluster/mlops")).parent.name == "mlops"


def test_sockets_of_a_deep_state_folder_get_short_paths_of_their_own() -> None:
    deep, deeper = Path("/home") / ("a" * 100), Path("/home") / ("b" * 100)

    assert len(str(paths.socket_dir(deep) / "controller-manager.sock")) <= paths.MAX_SOCKET_PATH
    assert paths.socket_dir(deep) != paths.socket_dir(deeper)
