# SPDX-License-Identifier: Apache-2.0
"""An evaluation on recent rows and with hashes of training rows, through all steps of its pod."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_workload.digest import digest_path
from mlops_workload.holdout import Holdout
from mlops_workload.row_hashes import hash_rows, write_rows

from .conftest import Digits, RunEnvironment, SavedModel
from .evaluation import EvaluationFolders

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOLDOUT = Holdout(key="model-uid", share=0.5)
FROZEN = 100


class World:
    """Frozen rows and a prediction log, both of the second half of the digits."""

    def __init__(self, folder: Path, digits: Digits) -> None:
        self.folder = folder
        self.digits = digits
        self.frozen = folder / "frozen.npz"
        np.savez(self.frozen, X=digits.test_x[:FROZEN], y=digits.test_y[:FROZEN], slice=np.full(FROZEN, "original"))
        self.log = folder / "log"
        self.held = [row for row in range(FROZEN, 500) if HOLDOUT.holds(row)]

    def write_log(self) -> None:
        self.log.mkdir()
        when = (NOW - timedelta(minutes=5)).isoformat()
        requests = [
            {"ts": when, "id": f"r{row}", "group": row, "prediction": 0, "inputs": self.digits.test_x[row].tolist()}
            for row in range(FROZEN, 500)
        ]
        labels = [{"id": f"r{row}", "label": int(self.digits.test_y[row])} for row in range(FROZEN, 500)]
        (self.log / "requests.jsonl").write_text("".join(json.dumps(row) + "\n" for row in requests))
        (self.log / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))

    def hashes(self, name: str, features: Any) -> dict[str, str]:
        path = self.folder / f"{name}.bin"
        write_rows(path, [hash_rows(features)], unhashed=0)
        return {"uri": f"file://{path}", "digest": digest_path(path)}


@pytest.fixture
def world(tmp_path: Path, digits: Digits) -> World:
    return World(tmp_path, digits)


def source(saved: SavedModel, rows: dict[str, str] | None = None) -> dict[str, Any]:
    model = {"uri": f"file://{saved.path}", "digest": saved.digest, "format": "sklearn"}
    return model | ({"rows": rows} if rows is not None else {})


def evaluate(environment: RunEnvironment, world: World, candidate: Any, baseline: Any, **changes: Any) -> int:
    document: dict[str, Any] = {
        "candidate": candidate,
        "baseline": baseline,
        "data": [{"name": "frozen", "uri": f"file://{world.frozen}"}],
        "recent": {
            "name": "recent",
            "uri": f"file://{world.log}",
            "start": (NOW - timedelta(hours=1)).isoformat(),
            "end": NOW.isoformat(),
            "holdout": HOLDOUT.to_dict(),
        },
        "metrics": [{"name": "accuracy", "slice": "original"}, {"name": "accuracy", "slice": "recent"}],
    }
    environment.set("MLOPS_EVALUATION", json.dumps(document | changes))
    assert os.environ["MLOPS_EVALUATION"]
    return EvaluationFolders(environment.folder / "pod", baseline=baseline is not None).run()


def test_recent_rows_are_measured_and_kept_beside_the_report(
    run_environment: RunEnvironment, world: World, good_model: SavedModel, bad_model: SavedModel
) -> None:
    world.write_log()
    assert evaluate(run_environment, world, source(good_model), source(bad_model)) == 0
    result = run_environment.result
    assert [entry.name for entry in result.data] == ["frozen", "recent"]
    kept = run_environment.output / "recent.npz"
    assert result.data[1].digest == digest_path(kept)
    with np.load(kept) as rows:
        assert sorted(rows["group"].tolist()) == sorted(str(row) for row in world.held)
        assert set(rows["slice"]) == {"recent"}
        chosen = [int(row) for row in rows["group"]]
        assert np.array_equal(rows["X"], world.digits.test_x[chosen])
        assert np.array_equal(rows["y"], world.digits.test_y[chosen])
    assert result.counts["recent.rows"] == result.counts["recent.new"] == len(world.held)
    assert result.counts["recent.newest"] == round((NOW - timedelta(minutes=5)).timestamp() * 1000)
    report = json.loads((run_environment.output / "report.json").read_text())
    assert {piece["slice"]: piece["rows"] for piece in report["slices"]} == {
        None: FROZEN + len(world.held),
        "original": FROZEN,
        "recent": len(world.held),
    }


def test_the_models_see_no_label_of_a_recent_row(
    run_environment: RunEnvironment, world: World, good_model: SavedModel
) -> None:
    world.write_log()
    assert evaluate(run_environment, world, source(good_model), None) == 0
    inputs = run_environment.folder / "pod" / "inputs"
    assert sorted(path.name for path in inputs.iterdir()) == ["inputs.npy", "request.json"]
    assert np.load(inputs / "inputs.npy").shape == (FROZEN + len(world.held), 64)


def test_overlap_is_counted_on_frozen_and_on_recent_rows(
    run_environment: RunEnvironment, world: World, good_model: SavedModel, bad_model: SavedModel
) -> None:
    world.write_log()
    features = world.digits.test_x
    leaked = [*range(7), *world.held[:11]]
    candidate = world.hashes("candidate", np.vstack([world.digits.train_x, features[leaked]]))
    baseline = world.hashes("baseline", world.digits.train_x)
    assert evaluate(run_environment, world, source(good_model, candidate), source(bad_model, baseline)) == 0
    counts = run_environment.result.counts
    assert counts["overlap.rows"] == FROZEN + len(world.held)
    assert counts["overlap.candidate"] == 18
    assert counts["overlap.baseline"] == 0


def test_without_hashes_the_overlap_is_unknown(
    run_environment: RunEnvironment, world: World, good_model: SavedModel
) -> None:
    world.write_log()
    assert evaluate(run_environment, world, source(good_model), None) == 0
    assert not [name for name in run_environment.result.counts if name.startswith("overlap")]


def test_hashes_with_another_digest_are_refused(
    run_environment: RunEnvironment, world: World, good_model: SavedModel
) -> None:
    hashes = world.hashes("candidate", world.digits.train_x)
    Path(hashes["uri"].removeprefix("file://")).write_bytes(b"other")
    assert evaluate(run_environment, world, source(good_model, hashes), None) == 4
    assert json.loads(run_environment.message)["reason"] == "ArtifactCorrupt"


def test_before_the_first_request_the_frozen_rows_are_measured(
    run_environment: RunEnvironment, world: World, good_model: SavedModel
) -> None:
    """A first version is judged before any log exists."""
    assert evaluate(run_environment, world, source(good_model), None) == 0
    result = run_environment.result
    assert [entry.name for entry in result.data] == ["frozen"]
    assert result.counts["recent.rows"] == result.counts["recent.newest"] == 0
    assert not (run_environment.output / "recent.npz").exists()


def test_without_any_row_there_are_counts_and_no_figures(
    run_environment: RunEnvironment, world: World, good_model: SavedModel, bad_model: SavedModel
) -> None:
    assert evaluate(run_environment, world, source(good_model), source(bad_model), data=[]) == 0
    result = run_environment.result
    assert (dict(result.metrics), result.data) == ({}, ())
    assert result.counts["recent.rows"] == 0


def test_neither_data_nor_recent_is_refused(
    run_environment: RunEnvironment, world: World, good_model: SavedModel
) -> None:
    assert evaluate(run_environment, world, source(good_model), None, data=[], recent=None) == 2
    assert "expected data, recent, or both" in run_environment.message


def test_a_log_that_is_a_link_is_refused(run_environment: RunEnvironment, world: World, good_model: SavedModel) -> None:
    world.write_log()
    elsewhere = world.folder / "elsewhere"
    world.log.rename(elsewhere)
    world.log.symlink_to(elsewhere)
    run_environment.set("MLOPS_PVC_ROOT", str(world.folder.parent))
    recent = {
        "name": "recent",
        "uri": f"pvc://{world.folder.name}/log",
        "start": (NOW - timedelta(hours=1)).isoformat(),
        "end": NOW.isoformat(),
        "holdout": HOLDOUT.to_dict(),
    }
    assert evaluate(run_environment, world, source(good_model), None, recent=recent) == 6
    assert "link" in run_environment.message
