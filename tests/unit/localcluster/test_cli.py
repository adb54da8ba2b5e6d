# SPDX-License-Identifier: Apache-2.0
"""The command line, up to where a cluster would be touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import cli
from localcluster.state import ClusterState


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_LOCALCLUSTER_HOME", str(tmp_path))
    return tmp_path


def test_help_names_every_command_and_engine(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])

    assert ended.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "up",
        "down",
        "status",
        "load-image",
        "kubeconfig",
        "logs",
        "tools",
        "images",
        "native",
        "kind",
        "control-plane",
    ):
        assert word in text


@pytest.mark.parametrize("command", [["status"], ["kubeconfig"], ["logs"], ["logs", "etcd"]])
def test_what_needs_a_cluster_says_so_if_there_is_none(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command) == 1
    assert "up" in capsys.readouterr().err


def test_down_without_a_cluster_is_fine_and_leaves_no_file(home: Path) -> None:
    ClusterState("other", "control-plane").save(home / "other")

    assert cli.main(["down", "--name", "none"]) == 0
    assert [path.name for path in home.iterdir()] == ["other"]


def test_a_problem_is_told_with_what_to_do_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["up", "--name", "NOT_A_NAME"]) == 1
    message = capsys.readouterr().err
    assert "lower-case letters" in message
    assert "What to do: choose another --name" in message
    assert "Traceback" not in message


def test_the_log_of_an_unknown_component_lists_the_known_ones(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ClusterState("one", "control-plane").save(home / "one")

    assert cli.main(["logs", "--name", "one", "kubelet"]) == 1
    assert "etcd, apiserver, controller-manager" in capsys.readouterr().err


def test_status_of_a_stopped_cluster_shows_every_component_and_fails(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ClusterState("one", "control-plane").save(home / "one")

    assert cli.main(["status", "--name", "one"]) == 1
    text = capsys.readouterr().out
    assert text.count("stopped") == 3


def test_loading_what_is_neither_file_nor_image_names_the_images(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ClusterState("one", "control-plane").save(home / "one")

    assert cli.main(["load-image", "--name", "one", "no-such-image"]) == 1
    assert "mlops-workload" in capsys.readouterr().err
