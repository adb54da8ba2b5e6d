# SPDX-License-Identifier: Apache-2.0
"""The list of packages that goes with a model."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from mlops_contract import MAX_RESULT_BYTES
from mlops_workload import python_environment as environment
from mlops_workload import run
from mlops_workload.digest import digest_path

from .conftest import RunEnvironment, SavedModel


def test_the_packages_of_the_run_are_listed_beside_the_model(
    run_environment: RunEnvironment, good_model: SavedModel
) -> None:
    with run() as r:
        r.save_model(good_model.model)
    _, listed = run_environment.result.artifacts
    path = run_environment.output / "environment.json"
    assert (listed.name, listed.format) == ("environment", "python-environment-v1")
    assert (listed.uri, listed.digest) == (f"file://{path}", digest_path(path))
    document = json.loads(path.read_text())
    assert document["v"] == 1
    assert document["packages"]["scikit-learn"] == version("scikit-learn")
    assert document["packages"]["numpy"] == version("numpy")


def test_a_run_without_artifacts_lists_nothing(run_environment: RunEnvironment) -> None:
    with run() as r:
        r.log(accuracy=0.5)
    assert run_environment.result.artifacts == ()
    assert not run_environment.output.exists()


def test_a_run_may_save_a_list_of_its_own(run_environment: RunEnvironment, tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("dependencies: []")
    with run() as r:
        r.save_artifact(tmp_path / "conda.yaml", name="environment", format="conda")
    assert [artifact.format for artifact in run_environment.result.artifacts] == ["conda"]


def test_a_result_without_room_for_the_list_is_reported_without_it(
    run_environment: RunEnvironment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").write_text("x")
    with run() as r:
        r.save_artifact(tmp_path / "weights", name="model")
        r.log(**{f"metric_{number:03}_{'x' * 20}": 0.5 for number in range(71)})
    assert MAX_RESULT_BYTES - 300 < len(run_environment.message) <= MAX_RESULT_BYTES
    assert [artifact.name for artifact in run_environment.result.artifacts] == ["model"]
    assert "package versions are saved and not reported" in capsys.readouterr().out
    assert (run_environment.output / "environment.json").exists()


def test_a_damaged_installation_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "whole-2.0.dist-info").mkdir()
    (tmp_path / "whole-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: whole\nVersion: 2.0\n")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert environment.python_environment()["packages"] == {"whole": "2.0"}
