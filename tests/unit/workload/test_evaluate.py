# SPDX-License-Identifier: Apache-2.0
"""An evaluation on the real digits, from environment to result."""

import json
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mlops_workload.digest import digest_path

from .conftest import Digits, RunEnvironment, SavedModel
from .evaluation import EvaluationFolders


@pytest.fixture
def holdout(tmp_path: Path, digits: Digits) -> Path:
    """The second half as it is, and turned upside down."""
    path = tmp_path / "holdout.npz"
    flipped = digits.test_x.reshape(-1, 8, 8)[:, ::-1, :].reshape(-1, 64)
    np.savez(
        path,
        X=np.vstack([digits.test_x, flipped]),
        y=np.tile(digits.test_y, 2),
        slice=np.repeat(["original", "flipped"], len(digits.test_y)),
    )
    return path


def source(saved: SavedModel) -> dict[str, str]:
    return {"uri": f"file://{saved.path}", "digest": saved.digest, "format": "sklearn"}


def configuration(candidate: SavedModel, baseline: SavedModel | None, data: Path, /, **changes: Any) -> str:
    document: dict[str, Any] = {
        "candidate": source(candidate),
        "baseline": None if baseline is None else source(baseline),
        "data": [{"name": "holdout", "uri": f"file://{data}", "digest": digest_path(data)}],
        "metrics": [{"name": "accuracy", "slice": "original", "min": 0.93}, {"name": "accuracy"}],
    }
    return json.dumps(document | changes)


def evaluated(environment: RunEnvironment) -> int:
    """Run all steps of the evaluation that the environment describes; the exit code of the pod."""
    document = json.loads(os.environ["MLOPS_EVALUATION"])
    root = environment.folder / f"pod-{len(list(environment.folder.glob('pod-*')))}"
    return EvaluationFolders(root, baseline=bool(document.get("baseline"))).run()


def test_a_good_and_a_bad_model_are_told_apart_with_numbers(
    run_environment: RunEnvironment, good_model: SavedModel, bad_model: SavedModel, holdout: Path
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(bad_model, good_model, holdout))
    assert evaluated(run_environment) == 0
    result = run_environment.result
    figures = result.metrics
    assert figures["0.b"] == pytest.approx(0.9689, abs=5e-5)
    assert figures["0.c"] < 0.3
    assert figures["0.lo"] <= figures["0.c"] - figures["0.b"] <= figures["0.hi"] < -0.6
    assert figures["0.p>"] == 1.0
    assert figures["0.p<"] < 1e-12
    assert figures["0.p!"] < 1e-12
    assert (result.counts["0.n"], result.counts["1.n"]) == (899, 1798)
    assert (result.counts["unlabeled"], result.counts["duplicates"]) == (0, 0)
    assert result.counts["0.r"] == min(np.bincount(np.load(holdout)["y"][:899]))
    assert [(entry.name, entry.digest) for entry in result.data] == [("holdout", digest_path(holdout))]


def test_the_report_holds_everything_and_its_digest_is_right(
    run_environment: RunEnvironment, good_model: SavedModel, bad_model: SavedModel, holdout: Path
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, bad_model, holdout))
    assert evaluated(run_environment) == 0
    report = run_environment.result.report
    assert report is not None
    path = run_environment.output / "report.json"
    assert (report.uri, report.digest) == (f"file://{path}", digest_path(path))
    document = json.loads(path.read_text())
    original = next(entry for entry in document["slices"] if entry["slice"] == "original")
    assert sum(original["correct"].values()) == original["rows"] == 899
    diagonal = sum(original["candidate"]["matrix"][i][i] for i in range(10))
    assert diagonal == 871  # 871 / 899 = 0.9689
    assert document["metrics"][0]["request"]["min"] == 0.93


def test_without_a_baseline_there_is_no_difference(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, holdout))
    assert evaluated(run_environment) == 0
    assert set(run_environment.result.metrics) == {"0.c", "1.c"}


def test_a_slice_without_rows_has_a_count_and_no_figure(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path
) -> None:
    metrics = [{"name": "accuracy", "slice": "nowhere"}]
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, holdout, metrics=metrics))
    assert evaluated(run_environment) == 0
    assert run_environment.result.metrics == {}
    assert run_environment.result.counts["0.n"] == 0


def test_the_same_evaluation_gives_the_same_figures(
    run_environment: RunEnvironment, good_model: SavedModel, bad_model: SavedModel, holdout: Path
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, bad_model, holdout))
    assert evaluated(run_environment) == 0
    first = run_environment.message
    assert evaluated(run_environment) == 0
    assert run_environment.message == first


def test_twelve_rules_fit_into_the_message_whatever_their_slices_are_called(
    run_environment: RunEnvironment, good_model: SavedModel, bad_model: SavedModel, tmp_path: Path, digits: Digits
) -> None:
    slices = ["a" * 63, "b" * 63, "c" * 63]
    path = tmp_path / "holdout.npz"
    np.savez(path, X=digits.test_x, y=digits.test_y, slice=np.resize(slices, len(digits.test_y)))
    names = ("accuracy", "balanced_accuracy", "f1_macro")
    metrics = [
        {"name": name, "slice": piece, "min": 0.99, "change": 0.0} for name in names for piece in (None, *slices)
    ]
    run_environment.set("MLOPS_EVALUATION", configuration(bad_model, good_model, path, metrics=metrics))
    assert evaluated(run_environment) == 0
    assert len(run_environment.result.metrics) == 12 * 7
    assert len(run_environment.message) < 3072 - 500


def test_rows_without_a_label_are_left_out_and_counted(
    run_environment: RunEnvironment, good_model: SavedModel, tmp_path: Path, digits: Digits
) -> None:
    path = tmp_path / "holdout.npz"
    labels = digits.test_y.astype(float)
    labels[:100] = np.nan
    np.savez(path, X=digits.test_x, y=labels)
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, path, metrics=[{"name": "accuracy"}]))
    assert evaluated(run_environment) == 0
    result = run_environment.result
    right = good_model.model.predict(digits.test_x[100:]) == digits.test_y[100:]
    assert result.metrics["0.c"] == pytest.approx(right.mean())
    assert (result.counts["0.n"], result.counts["unlabeled"]) == (799, 100)


def test_log_loss_needs_probabilities(run_environment: RunEnvironment, good_model: SavedModel, holdout: Path) -> None:
    metrics = [{"name": "log_loss"}]
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, holdout, metrics=metrics))
    assert evaluated(run_environment) == 8
    assert json.loads(run_environment.message)["reason"] == "MetricInvalid"


def test_log_loss_of_a_model_that_has_them(
    run_environment: RunEnvironment, tmp_path: Path, digits: Digits, holdout: Path
) -> None:
    path = tmp_path / "logistic.joblib"
    model = LogisticRegression(max_iter=5000).fit(digits.train_x, digits.train_y)
    joblib.dump(model, path)
    metrics = [{"name": "log_loss", "slice": "original"}]
    saved = SavedModel(model, path, digest_path(path))
    run_environment.set("MLOPS_EVALUATION", configuration(saved, None, holdout, metrics=metrics))
    assert evaluated(run_environment) == 0
    expected = -np.mean(np.log(model.predict_proba(digits.test_x)[np.arange(899), digits.test_y]))
    assert run_environment.result.metrics["0.c"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("role", ["candidate", "baseline"])
def test_a_file_that_is_no_model_is_named_by_its_role(
    run_environment: RunEnvironment, tmp_path: Path, good_model: SavedModel, holdout: Path, role: str
) -> None:
    path = tmp_path / "junk.joblib"
    path.write_bytes(b"this is no model\n")
    junk = {"uri": f"file://{path}", "digest": digest_path(path), "format": "sklearn"}
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, good_model, holdout, **{role: junk}))
    assert evaluated(run_environment) == 5
    error = json.loads(run_environment.message)
    assert (error["reason"], error["role"]) == ("ModelLoadFailed", role)


def test_corrupt_data_are_not_evaluated_on(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path
) -> None:
    document = configuration(good_model, None, holdout)
    with holdout.open("ab") as stream:
        stream.write(b"x")
    run_environment.set("MLOPS_EVALUATION", document)
    assert evaluated(run_environment) == 4
    assert json.loads(run_environment.message)["reason"] == "DataCorrupt"


def test_a_corrupt_model_is_not_evaluated(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path
) -> None:
    other = good_model._replace(digest="sha256:" + "0" * 64)
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, other, holdout))
    assert evaluated(run_environment) == 4
    error = json.loads(run_environment.message)
    assert (error["reason"], error["found"]) == ("ArtifactCorrupt", good_model.digest)


def test_labels_of_another_kind_are_refused_instead_of_counted_as_wrong(
    run_environment: RunEnvironment, tmp_path: Path, good_model: SavedModel, digits: Digits
) -> None:
    path = tmp_path / "text.npz"
    np.savez(path, X=digits.test_x[:5], y=np.array(["a", "b", "c", "d", "e"]))
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, path, metrics=[{"name": "accuracy"}]))
    assert evaluated(run_environment) == 6
    assert "kind" in json.loads(run_environment.message)["message"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"metrics": []}, "metrics"),
        ({"metrics": [{"name": "accuracy"}, {"name": "accuracy"}]}, "accuracy"),
        ({"metrics": [{"name": "accuracy", "confidence": 1.0}]}, "confidence"),
        ({"metric": [{"name": "accuracy"}]}, "metric"),
        ({"data": []}, "data"),
    ],
)
def test_a_malformed_configuration_names_the_field(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path, change: dict[str, Any], where: str
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, holdout, **change))
    assert evaluated(run_environment) == 2
    error = json.loads(run_environment.message)
    assert error["reason"] == "ConfigurationInvalid"
    assert where in error["message"]


def test_a_run_without_identity_is_refused(
    run_environment: RunEnvironment, good_model: SavedModel, holdout: Path
) -> None:
    run_environment.set("MLOPS_EVALUATION", configuration(good_model, None, holdout))
    run_environment.unset("MLOPS_RUN_UID")
    assert evaluated(run_environment) == 2
