# SPDX-License-Identifier: Apache-2.0
"""The hold-out in a run: no held-out row is given to the training, and its row hashes go with the model."""

import json
from pathlib import Path

import numpy as np
import pytest

from mlops_workload import run
from mlops_workload.errors import ConfigurationInvalidError, DataChangedError
from mlops_workload.holdout import Holdout
from mlops_workload.row_hashes import hash_rows, read_training_rows

from .conftest import RunEnvironment, SavedModel

HOLDOUT = Holdout(key="model-uid", share=0.4)
X = np.arange(400, dtype=np.float64).reshape(200, 2)


@pytest.fixture
def train(run_environment: RunEnvironment, tmp_path: Path) -> Path:
    path = tmp_path / "train.npz"
    np.savez(path, X=X, y=np.ones(200), id=np.arange(200))
    run_environment.set("MLOPS_DATA", json.dumps([{"name": "train", "uri": str(path)}]))
    run_environment.set("MLOPS_HOLDOUT", HOLDOUT.to_json())
    return path


def test_a_training_gets_no_held_out_row_and_reports_how_many(
    run_environment: RunEnvironment, train: Path, good_model: SavedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    with run() as r:
        with np.load(r.data("train")) as arrays:
            ids = arrays["id"].tolist()
        r.save_model(good_model.model)
    held = [number for number in range(200) if HOLDOUT.holds(number)]
    assert held
    assert ids == [number for number in range(200) if number not in held]
    assert run_environment.result.counts["held_out"] == len(held)
    assert f"{len(held)} of 200 rows are held out for the gate and removed" in capsys.readouterr().out


def test_row_hashes_of_what_was_given_go_with_the_model(
    run_environment: RunEnvironment, train: Path, good_model: SavedModel
) -> None:
    with run() as r:
        with np.load(r.data("train")) as arrays:
            given = hash_rows(arrays["X"])
        r.save_model(good_model.model)
    artifact = run_environment.result.artifacts[1]
    assert (artifact.name, artifact.format) == ("training-rows", "row-hashes-v1")
    rows = read_training_rows(run_environment.output / "training-rows.bin")
    assert rows.hashes.tolist() == sorted(given.tolist())
    assert rows.unhashed == 0


def test_without_a_holdout_rows_are_hashed_all_the_same(
    run_environment: RunEnvironment, train: Path, good_model: SavedModel
) -> None:
    run_environment.unset("MLOPS_HOLDOUT")
    with run() as r:
        assert r.data("train") == train
        r.save_model(good_model.model)
    assert "held_out" not in run_environment.result.counts
    assert len(read_training_rows(run_environment.output / "training-rows.bin").hashes) == 200


def test_a_run_that_saves_no_model_saves_no_hashes(run_environment: RunEnvironment, train: Path) -> None:
    with run() as r:
        r.data("train")
    assert run_environment.result.artifacts == ()


def test_a_training_may_save_its_own_row_hashes(run_environment: RunEnvironment, train: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(b"mine")
    with run() as r:
        r.data("train")
        r.save_artifact(tmp_path / "mine.bin", name="training-rows")
    assert [artifact.name for artifact in run_environment.result.artifacts] == ["training-rows", "environment"]


@pytest.mark.parametrize(
    ("artifacts", "more"), [(6, ["training-rows", "environment"]), (7, ["training-rows"]), (8, [])]
)
def test_row_hashes_and_packages_take_no_other_artifacts_place(
    run_environment: RunEnvironment, train: Path, tmp_path: Path, artifacts: int, more: list[str]
) -> None:
    (tmp_path / "file").write_text("x")
    with run() as r:
        r.data("train")
        for number in range(artifacts):
            r.save_artifact(tmp_path / "file", name=f"a{number}")
    assert [artifact.name for artifact in run_environment.result.artifacts[artifacts:]] == more


def test_a_copy_without_held_out_rows_does_not_change_with_its_source(
    run_environment: RunEnvironment, train: Path
) -> None:
    with run() as r:
        r.data("train")
        np.savez(train, X=X, y=np.zeros(200), id=np.arange(200))


def test_data_that_change_while_they_are_read_are_refused(
    run_environment: RunEnvironment, train: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_workload import inputs, training_rows

    def interrupted(path: Path, scratch: Path, holdout: Holdout | None) -> training_rows.PreparedInput:
        prepared = training_rows.prepare(path, scratch, holdout)
        np.savez(path, X=X, y=np.zeros(200), id=np.arange(1000, 1200))
        return prepared

    monkeypatch.setattr(inputs, "prepare", interrupted)
    with pytest.raises(DataChangedError, match="snapshot=True"), run() as r:
        r.data("train")


@pytest.mark.parametrize("value", ["[]", '{"key": "k"}', '{"key": "k", "share": 1}', '{"key": "", "share": 0.1}'])
def test_a_malformed_holdout_is_named(run_environment: RunEnvironment, value: str) -> None:
    run_environment.set("MLOPS_HOLDOUT", value)
    with pytest.raises(ConfigurationInvalidError, match="MLOPS_HOLDOUT"):
        run()
