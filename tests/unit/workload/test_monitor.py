# SPDX-License-Identifier: Apache-2.0
"""A monitoring window, from environment to result."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlops_workload.digest import digest_path
from mlops_workload.monitor import main

from .conftest import RunEnvironment

CONFIGURATION: dict[str, Any] = {
    "log": {"uri": "pvc://store/log"},
    "window": {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T13:00:00Z"},
    "version": None,
    "metrics": [{"name": "accuracy"}],
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "pvc" / "store" / "log"
    folder.mkdir(parents=True)
    return folder


def write(folder: Path, *rows: dict[str, Any]) -> None:
    base = {"ts": "2026-01-01T12:30:00Z", "model_version": "digits-a"}
    (folder / "a.jsonl").write_text("".join(json.dumps(base | row) + "\n" for row in rows))


def test_metrics_are_over_labeled_rows_and_counts_say_of_how_many(log: Path, run_environment: RunEnvironment) -> None:
    right, wrong = {"prediction": 3, "label": 3}, {"prediction": 3, "label": 5}
    unlabeled, unanswered = {"prediction": 3, "label": None}, {"prediction": None, "label": 3}
    write(log, *[right] * 53, *[wrong] * 47, unlabeled, unanswered)
    with (log / "a.jsonl").open("a") as stream:
        stream.write('garbage\n{"ts": "2026')
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 0
    result = run_environment.result
    assert result.metrics == {"accuracy": 0.53, "accuracy.se": pytest.approx(0.0499, abs=1e-4)}
    assert result.counts == {
        "rows": 101,
        "labeled": 100,
        "unanswered": 1,
        "malformed": 1,
        "repeated": 0,
        "otherVersions": 0,
        "outside": 0,
    }
    assert result.notes == ("1 row: malformed: expected one JSON object a line (first: a.jsonl:103)",)


def test_no_rows_are_a_result_without_metrics(log: Path, run_environment: RunEnvironment) -> None:
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 0
    assert run_environment.result.metrics == {}
    assert set(run_environment.result.counts.values()) == {0}


def test_one_version_is_measured_alone(log: Path, run_environment: RunEnvironment) -> None:
    write(log, {"prediction": 1, "label": 2}, {"prediction": 1, "label": 1, "model_version": "digits-b"})
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION | {"version": "digits-b"}))
    assert main() == 0
    assert run_environment.result.metrics["accuracy"] == 1.0
    assert (run_environment.result.counts["rows"], run_environment.result.counts["otherVersions"]) == (1, 1)
    assert run_environment.result.notes == ('1 row of other model versions ("digits-a" 1), expected digits-b',)


def test_the_report_says_who_answered_and_how_it_was_wrong(log: Path, run_environment: RunEnvironment) -> None:
    write(log, {"prediction": "cat", "label": "dog"}, {"prediction": "dog", "label": "dog"})
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 0
    report = run_environment.result.report
    assert report is not None
    assert report.digest == digest_path(run_environment.output / "report.json")
    document = json.loads((run_environment.output / "report.json").read_text())
    assert document["rowsByVersion"] == {"digits-a": 2}
    assert document["confusion"] == {"labels": ["cat", "dog"], "matrix": [[0, 0], [1, 1]]}


def test_labels_and_predictions_of_different_kinds_are_counted_and_named(
    log: Path, run_environment: RunEnvironment
) -> None:
    write(log, {"prediction": 3, "label": "3"})
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 0
    result = run_environment.result
    assert result.metrics == {}
    assert (result.counts["rows"], result.counts["labeled"], result.counts["malformed"]) == (1, 0, 1)
    assert result.notes == ("1 row: the label is text and the prediction a number, or the reverse (first: a.jsonl:1)",)


def test_metrics_that_weigh_classes_alike_report_the_rarest_one(log: Path, run_environment: RunEnvironment) -> None:
    common, rare, new = ({"prediction": name, "label": name} for name in ("a", "b", "c"))
    write(log, *[common] * 90, *[rare] * 9, new | {"label": "b"})
    metrics = [{"name": "balanced_accuracy"}, {"name": "f1_macro"}]
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION | {"metrics": metrics}))
    assert main() == 0
    result = run_environment.result
    assert (result.counts["balanced_accuracy.rarest"], result.counts["f1_macro.rarest"]) == (10, 0)
    assert result.metrics["balanced_accuracy"] == pytest.approx(0.95)
    assert result.metrics["balanced_accuracy.se"] == pytest.approx(0.047, abs=0.01)


def test_an_absent_log_is_not_found(run_environment: RunEnvironment) -> None:
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 3


@pytest.mark.parametrize(
    "change",
    [
        {"window": {"start": "2026-01-01T13:00:00Z", "end": "2026-01-01T12:00:00Z"}},
        {"window": {"start": "2026-01-01T12:00:00", "end": "2026-01-01T13:00:00"}},
        {"metrics": []},
        {"limits": {}},
    ],
)
def test_a_malformed_configuration_is_refused(run_environment: RunEnvironment, change: dict[str, Any]) -> None:
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION | change))
    assert main() == 2


@pytest.mark.parametrize("name", ["log_loss", "nonsense"])
def test_a_metric_that_a_log_cannot_give_is_refused(log: Path, run_environment: RunEnvironment, name: str) -> None:
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION | {"metrics": [{"name": name}]}))
    assert main() == 2
