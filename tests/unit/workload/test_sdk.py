# SPDX-License-Identifier: Apache-2.0
"""The SDK: what training code is given and what it reports, in a cluster and on a laptop."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from mlops_contract import MAX_RESULT_BYTES, Result
from mlops_workload import run
from mlops_workload.digest import digest_path
from mlops_workload.errors import (
    ConfigurationInvalidError,
    DataChangedError,
    DataCorruptError,
    DataNotFoundError,
    MetricInvalidError,
    RunFinishedError,
)

from .conftest import ROOT, UID, RunEnvironment, SavedModel

WRONG = "sha256:" + "0" * 64


def give_data(environment: RunEnvironment, *sources: dict[str, str]) -> None:
    environment.set("MLOPS_DATA", json.dumps(sources))


def test_a_run_reports_what_it_was_told(run_environment: RunEnvironment, good_model: SavedModel) -> None:
    with run() as r:
        r.log(accuracy=np.float64(0.97), loss=1)
        r.log_count(rows=np.int64(899))
        r.save_model(good_model.model)
    result = run_environment.result
    assert result.metrics == {"accuracy": 0.97, "loss": 1.0}
    assert result.counts == {"rows": 899}
    artifact, _ = result.artifacts
    path = run_environment.output / "model.joblib"
    assert artifact.model_dump() == {
        "name": "model",
        "uri": f"file://{path}",
        "digest": digest_path(path),
        "format": "sklearn",
        "size": path.stat().st_size,
    }
    assert joblib.load(path).gamma == 0.001


def test_parameters_keep_their_types(run_environment: RunEnvironment) -> None:
    run_environment.set("MLOPS_PARAMETERS", '{"gamma": 1, "layers": [8, 4], "deep": true, "name": "x"}')
    r = run(parameters={"gamma": 5.0, "extra": 3})
    assert dict(r.parameters) == {"gamma": 1, "layers": [8, 4], "deep": True, "name": "x", "extra": 3}
    assert r.param("gamma", 0.5) == 1.0
    assert r.param("absent", 0.5) == 0.5
    with pytest.raises(ConfigurationInvalidError, match="expected int, found str"):
        r.param("name", 3)
    with pytest.raises(ConfigurationInvalidError, match="expected int, found bool"):
        r.param("deep", 3)


def test_the_runs_identity_is_known(run_environment: RunEnvironment) -> None:
    for name, value in {"SEED": "11", "ATTEMPT": "2", "REPLICAS": "4", "REPLICA_INDEX": "3"}.items():
        run_environment.set(f"MLOPS_{name}", value)
    r = run()
    assert (r.seed, r.attempt, r.replicas, r.replica_index) == (11, 2, 4, 3)


@pytest.mark.parametrize(("name", "value"), [("SEED", "x"), ("SEED", "-1"), ("PARAMETERS", "[]"), ("DATA", "{}")])
def test_a_malformed_environment_is_named(run_environment: RunEnvironment, name: str, value: str) -> None:
    run_environment.set(f"MLOPS_{name}", value)
    with pytest.raises(ConfigurationInvalidError, match=f"MLOPS_{name}"):
        run()


def test_data_with_a_digest_are_copied_and_the_verified_copy_is_used(
    run_environment: RunEnvironment, tmp_path: Path
) -> None:
    path = tmp_path / "pvc" / "store" / "train.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    digest = digest_path(path)
    give_data(
        run_environment,
        {"name": "train", "uri": "pvc://store/train.npz", "digest": digest},
        {"name": "unused", "uri": "pvc://store/none"},
    )
    with run() as r:
        copy = r.data("train")
        assert (copy.name, copy == path) == ("train.npz", False)
        path.write_bytes(b"swapped after it was verified")
        assert r.data("train").read_bytes() == b"rows"
        assert r.has_data("unused")
        assert not r.has_data("other")
    assert [(entry.name, entry.digest) for entry in run_environment.result.data] == [("train", digest)]


def test_data_without_a_digest_are_read_in_place_and_recorded(run_environment: RunEnvironment, tmp_path: Path) -> None:
    path = tmp_path / "pvc" / "store" / "train.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"rows")
    give_data(run_environment, {"name": "train", "uri": "pvc://store/train.npz"})
    with run() as r:
        assert r.data("train") == path
    assert [(entry.name, entry.digest) for entry in run_environment.result.data] == [("train", digest_path(path))]


def test_corrupt_data_end_the_run_with_the_reason(run_environment: RunEnvironment, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("tampered with")
    give_data(run_environment, {"name": "train", "uri": str(tmp_path / "a"), "digest": WRONG})
    with pytest.raises(DataCorruptError), run() as r:
        r.data("train")
    assert json.loads(run_environment.message)["reason"] == "DataCorrupt"


@pytest.mark.parametrize("snapshot", [False, True])
def test_absent_data_are_named(run_environment: RunEnvironment, snapshot: bool) -> None:
    give_data(run_environment, {"name": "train", "uri": "pvc://store/none"})
    with pytest.raises(DataNotFoundError, match="data input train"):
        run().data("train", snapshot=snapshot)


def test_an_unknown_input_is_refused_with_the_known_ones(run_environment: RunEnvironment) -> None:
    give_data(run_environment, {"name": "train", "uri": "pvc://a/b"})
    with pytest.raises(ConfigurationInvalidError, match=r"\['train'\], found 'test'"):
        run().data("test")


def test_data_that_change_under_the_run_are_an_error(run_environment: RunEnvironment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    (log / "a.jsonl").write_text("1\n")
    give_data(run_environment, {"name": "log", "uri": str(log)})

    def train() -> None:
        with run() as r:
            r.data("log")
            (log / "b.jsonl").write_text("2\n")

    with pytest.raises(DataChangedError, match="snapshot=True"):
        train()
    assert json.loads(run_environment.message)["reason"] == "DataChanged"


def test_a_snapshot_does_not_see_later_changes(run_environment: RunEnvironment, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    (log / "a.jsonl").write_text("1\n")
    digest = digest_path(log)
    give_data(run_environment, {"name": "log", "uri": str(log)})
    with run() as r:
        copy = r.data("log", snapshot=True)
        (log / "a.jsonl").write_text("1\n2\n")
        assert (copy / "a.jsonl").read_text() == "1\n"
    assert run_environment.result.data[0].digest == digest
    assert not copy.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", True, None, 1j])
def test_a_metric_that_is_no_finite_number_is_named(run_environment: RunEnvironment, value: Any) -> None:
    with pytest.raises(MetricInvalidError, match="metric accuracy"):
        run().log(accuracy=value)


@pytest.mark.parametrize("value", [-1, 1.5, True, "1"])
def test_a_count_that_is_no_whole_number_is_named(run_environment: RunEnvironment, value: Any) -> None:
    with pytest.raises(MetricInvalidError, match="count rows"):
        run().log_count(rows=value)


def test_an_exception_leaves_no_result_but_its_text(run_environment: RunEnvironment) -> None:
    def train() -> None:
        with run() as r:
            r.log(accuracy=1 / 1)
            r.log(loss=1 / 0)

    with pytest.raises(ZeroDivisionError):
        train()
    error = json.loads(run_environment.message)
    assert error == {"reason": "WorkloadFailed", "message": "ZeroDivisionError: division by zero"}


def test_a_result_is_written_once(run_environment: RunEnvironment) -> None:
    with run() as r:
        r.log(accuracy=0.5)
        r.finish()
        with pytest.raises(RunFinishedError):
            r.log(accuracy=0.6)
        with pytest.raises(RunFinishedError):
            r.finish()
    assert run_environment.result.metrics == {"accuracy": 0.5}


def test_a_result_that_is_too_large_is_refused(run_environment: RunEnvironment) -> None:
    with pytest.raises(MetricInvalidError, match=str(MAX_RESULT_BYTES)), run() as r:
        r.log(**{f"{'m' * 100}{number}": 1.0 for number in range(40)})
    assert json.loads(run_environment.message)["reason"] == "MetricInvalid"


def test_an_error_is_cut_to_fit_the_message(run_environment: RunEnvironment) -> None:
    with pytest.raises(ValueError, match="long"), run():
        raise ValueError("long " * 10_000)
    assert len(run_environment.message) <= MAX_RESULT_BYTES
    assert json.loads(run_environment.message)["message"].startswith("ValueError: long")


def test_only_replica_0_writes(run_environment: RunEnvironment, good_model: SavedModel) -> None:
    run_environment.set("MLOPS_REPLICA_INDEX", "1")
    with run() as r:
        r.log(accuracy=0.5)
        r.save_model(good_model.model)
    document = json.loads(run_environment.message)
    assert (document["uid"], document["metrics"], document["artifacts"]) == (UID, {}, [])
    assert not run_environment.output.exists()


def test_files_and_folders_are_artifacts(run_environment: RunEnvironment, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a.txt").write_text("a")
    (tmp_path / "notes.md").write_text("notes")
    with run() as r:
        r.save_artifact(tmp_path / "plots", name="plots")
        r.save_artifact(str(tmp_path / "notes.md"), name="card", format="markdown")
        with pytest.raises(ConfigurationInvalidError, match="card"):
            r.save_artifact(tmp_path / "notes.md", name="card")
    assert (run_environment.output / "plots" / "a.txt").read_text() == "a"
    assert (run_environment.output / "card.md").read_text() == "notes"
    assert [(item.name, item.size, item.format) for item in run_environment.result.artifacts] == [
        ("plots", 1, ""),
        ("card", 5, "markdown"),
        ("environment", (run_environment.output / "environment.json").stat().st_size, "python-environment-v1"),
    ]


def test_an_unknown_format_is_refused(run_environment: RunEnvironment) -> None:
    with pytest.raises(ConfigurationInvalidError, match="sklearn"):
        run().save_model(object(), format="tensorforest")


def test_a_run_that_keeps_nothing_says_so_when_it_is_to_save(run_environment: RunEnvironment) -> None:
    run_environment.unset("MLOPS_OUTPUT_URI")
    r = run()
    assert r.output is None
    with pytest.raises(ConfigurationInvalidError, match=r"set spec\.model or spec\.output"):
        r.golden([[1.0, 2.0]], [7])
    r.log(accuracy=0.5)
    r.finish()
    assert run_environment.result.metrics == {"accuracy": 0.5}


def test_golden_requests_become_an_artifact(run_environment: RunEnvironment) -> None:
    with run() as r:
        r.golden([[1.0, 2.0]], [7])
    artifact, _ = run_environment.result.artifacts
    assert (artifact.name, artifact.format) == ("golden", "golden-v1")
    document = json.loads((run_environment.output / "golden.json").read_text())
    assert document["requests"][0]["inputs"][0]["data"] == [1.0, 2.0]


SCRIPT = """
from mlops_workload import run
with run(parameters={"gamma": 0.5, "epochs": 3}, data={"train": "default.npz"}) as r:
    assert r.parameters == {"gamma": 0.01, "epochs": 3, "name": "a b"}, r.parameters
    r.log_count(bytes=len(r.data("train").read_bytes()))
    r.log(accuracy=0.5)
    r.save_artifact(r.data("train"), name="copy")
"""


def test_the_same_script_runs_on_a_laptop(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "rows.npz").write_bytes(b"12345")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    words = ["--data", "train=rows.npz", "--param", "gamma=0.01", "--param", "name=a b", "--own-flag"]
    done = subprocess.run(
        [sys.executable, "train.py", *words],
        cwd=tmp_path,
        env=environ | {"PYTHONPATH": str(ROOT / "operator")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (output,) = (tmp_path / "mlops-output").iterdir()
    result = Result.read((output / "result.json").read_text())
    assert (result.metrics, result.counts, result.uid) == ({"accuracy": 0.5}, {"bytes": 5}, output.name)
    assert (output / "copy.npz").read_bytes() == b"12345"
    assert "accuracy     0.5000" in done.stdout
    assert str(output) in done.stdout


@pytest.mark.parametrize("words", [["--param", "gamma"], ["--data", "=x"]])
def test_a_command_line_without_a_name_is_refused(run_environment: RunEnvironment, words: list[str]) -> None:
    run_environment.unset("MLOPS_RUN_UID")
    with pytest.raises(ConfigurationInvalidError, match="name=value"):
        run(argv=words)


def test_in_a_cluster_the_command_line_is_the_scripts_own(run_environment: RunEnvironment) -> None:
    assert run(argv=["--param", "gamma=1"]).parameters == {}


def test_the_commands_do_not_import_numpy() -> None:
    code = "import sys, mlops_workload.fetch; sys.exit('numpy' in sys.modules or 'fsspec' in sys.modules)"
    environ = os.environ | {"PYTHONPATH": str(ROOT / "operator")}
    assert subprocess.run([sys.executable, "-c", code], env=environ, check=False).returncode == 0


def test_the_uid_of_the_result_is_that_of_the_run(run_environment: RunEnvironment) -> None:
    with run():
        pass
    assert run_environment.result.uid == UID
