# SPDX-License-Identifier: Apache-2.0
"""An Evaluation on recent rows, and what the rows themselves decide, in a toy cluster."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from mlops_contract import Count, Figure, rule_figure
from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODELS
from tests.unit.controllers.builders import ToyCluster, job_ended, later, make, succeeded_pod
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, FLOOR, NAME, cluster, evaluation, status
from tests.unit.controllers.versions import model_version
from tests.unit.controllers.views import views

RECENT: Manifest = {"uri": "pvc://logs/digits", "window": "1h", "share": 0.3, "minCount": 100}
ON_RECENT: Manifest = {"name": "accuracy", "slice": "recent", "change": {"min": 0.0, "confidence": 0.95}}
HASHES: Manifest = {"uri": "pvc://hashes/rows.bin", "digest": "sha256:" + "e" * 64}


def configuration_of(job: Manifest) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    return dict(json.loads(env["MLOPS_EVALUATION"]))


def with_model(*others: Manifest, draws: Sequence[Manifest] = (), **spec: Any) -> tuple[ToyCluster, Manifest]:
    model = make(MODELS, "digits", spec={}, uid="uid-of-the-model", status={"gateDraws": list(draws)})
    versions = others or (model_version("digits-a"), model_version("digits-b"))
    toy = cluster(evaluation(recent=RECENT, metrics=[FLOOR, ON_RECENT], **spec), model, *versions)
    toy.settle(CONTROLLER, NAME)
    return toy, toy.only(JOBS)


def test_recent_rows_are_a_window_of_the_log_and_the_models_hold_out() -> None:
    _, job = with_model(recentAfter="2026-01-01T11:30:00Z")
    assert configuration_of(job)["recent"] == {
        "name": "recent",
        "uri": "pvc://logs/digits",
        "start": "2026-01-01T11:00:00Z",
        "end": "2026-01-01T12:00:00Z",
        "holdout": {"key": "uid-of-the-model", "share": 0.3},
        "slice": "recent",
        "after": "2026-01-01T11:30:00Z",
    }
    assert views(job)["fetch"]["/mnt/pvc/logs"] == "pvc-logs (ro)"
    assert all("pvc-logs" not in mount for name in ("main", "predict-candidate") for mount in views(job)[name].values())


def test_without_its_model_an_evaluation_of_recent_rows_waits() -> None:
    toy = cluster(evaluation(recent=RECENT, metrics=[FLOOR, ON_RECENT]))
    toy.settle(CONTROLLER, NAME)
    assert toy.world.all(JOBS) == []
    assert status(toy)["waiting"]["reason"] == "ModelNotFound"
    assert status(toy)["waiting"]["message"].startswith("Model digits does not exist")
    toy.store(make(MODELS, "digits", spec={}))
    toy.settle(CONTROLLER, NAME)
    assert len(toy.world.all(JOBS)) == 1


def test_hashes_of_training_rows_go_to_the_step_that_copies() -> None:
    versions = [model_version("digits-a"), model_version("digits-b")]
    versions[1]["spec"]["trainingRows"] = HASHES
    _, job = with_model(*versions)
    assert configuration_of(job)["candidate"]["rows"] == HASHES
    assert "rows" not in configuration_of(job)["baseline"]
    assert views(job)["fetch"]["/mnt/pvc/hashes"] == "pvc-hashes (ro)"


def report_passing(toy: ToyCluster, job: Manifest, counts: dict[str, int]) -> None:
    """The Job ends well: both rules pass, and it counts these rows beside."""
    metrics = {
        rule_figure(0, Figure.CANDIDATE): 0.96,
        rule_figure(0, Figure.BASELINE): 0.96,
        rule_figure(1, Figure.CANDIDATE): 0.95,
        rule_figure(1, Figure.BASELINE): 0.55,
        rule_figure(1, Figure.LOWER): 0.3,
        rule_figure(1, Figure.UPPER): 0.5,
        rule_figure(1, Figure.P_MORE): 1e-9,
        rule_figure(1, Figure.P_LESS): 1.0,
    }
    rules = {rule_figure(rule, Count.ROWS): 400 for rule in (0, 1)}
    data = [{"name": name, "digest": "sha256:" + "d" * 64} for name in ("holdout", "recent")]
    result = Result.model_validate(
        {"uid": "uid-of-digits-b-vs-a-evaluate", "metrics": metrics, "counts": rules | counts, "data": data}
    )
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=later(10)))


def measured(counts: dict[str, int], **spec: Any) -> Manifest:
    """The status after a run in which both rules pass and that reports these counts beside."""
    toy, job = with_model(**spec)
    report_passing(toy, job, counts)
    toy.settle(CONTROLLER, NAME)
    return status(toy)


ENOUGH = {"recent.rows": 200, "recent.new": 200, "recent.newest": 1767268799001}
NO_OVERLAP = {"overlap.rows": 600, "overlap.candidate": 0, "overlap.baseline": 0}


def test_enough_recent_rows_without_overlap_pass() -> None:
    found = measured(ENOUGH | NO_OVERLAP, overlap="Require")
    assert found["verdict"] == "Pass"
    assert found["recent"] == {
        "start": "2026-01-01T11:00:00Z",
        "end": "2026-01-01T12:00:00Z",
        "rows": 200,
        "new": 200,
        "newest": "2026-01-01T12:00:00Z",
    }
    assert [(entry["role"], entry["overlap"]) for entry in found["overlap"]] == [
        ("candidate", "False"),
        ("baseline", "False"),
    ]


@pytest.mark.parametrize(
    ("counts", "spec", "verdict", "reason", "words"),
    [
        ({"recent.rows": 99}, {}, "Inconclusive", "Measured", "99 labeled recent rows"),
        ({"overlap.candidate": 2}, {}, "Fail", "Measured", "the candidate was trained on 2 of the gate's rows (0.33%)"),
        ({"overlap.baseline": 2}, {}, "Inconclusive", "Measured", "the baseline was trained on 2"),
        (
            {"recent.new": 99},
            {"recentAfter": "2026-01-01T11:30:00Z"},
            "NoData",
            "TooFewNewRows",
            "99 labeled recent rows are newer",
        ),
        (
            {"recent.new": 99, "overlap.candidate": 2},
            {"recentAfter": "2026-01-01T11:30:00Z"},
            "NoData",
            "TooFewNewRows",
            "99 labeled recent rows are newer",
        ),
    ],
    ids=["few rows", "candidate's overlap", "baseline's overlap", "few new rows", "few new rows before overlap"],
)
def test_rows_may_stand_in_the_way_of_rules_that_pass(
    counts: dict[str, int], spec: dict[str, Any], verdict: str, reason: str, words: str
) -> None:
    found = measured(ENOUGH | NO_OVERLAP | counts, **spec)
    assert found["verdict"] == verdict
    ready = found["conditions"][-1]
    assert (ready["type"], ready["reason"]) == ("Ready", reason)
    assert words in ready["message"]


@pytest.mark.parametrize(
    ("newest", "log", "before"),
    [
        ("2026-01-01T10:59:59Z", RECENT["uri"], 0),
        ("2026-01-01T11:00:00Z", RECENT["uri"], 1),
        ("2026-01-01T11:00:01Z", RECENT["uri"], 1),
        ("2026-01-01T11:00:01Z", "pvc://logs/others", 0),
    ],
)
def test_a_gate_on_an_overlapping_window_of_the_log_was_before_this_one(newest: str, log: str, before: int) -> None:
    former = {"data": "sha256:" + "a" * 64, "count": 1, "last": newest, "artifacts": ["b" * 12], "log": log}
    assert measured(ENOUGH, draws=[former | {"newestRow": newest}])["gatesBefore"] == before


def test_missing_hashes_are_unknown_and_refused_where_they_are_required() -> None:
    assert measured(ENOUGH)["verdict"] == "Pass"
    assert [entry["overlap"] for entry in measured(ENOUGH)["overlap"]] == ["Unknown", "Unknown"]
    required = measured(ENOUGH, overlap="Require")
    assert required["verdict"] == "NoData"
    assert "overlap: Unknown" in required["conditions"][-1]["message"]


def test_a_run_without_any_row_is_no_data() -> None:
    toy, job = with_model(data=[])
    result = Result(uid="uid-of-digits-b-vs-a-evaluate", counts={"recent.rows": 0})
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, result.to_message())]
    toy.store(job_ended(job, at=later(10)))
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["verdict"] == "NoData"


def test_the_digest_of_the_recent_rows_is_in_the_status() -> None:
    assert [entry["name"] for entry in measured(ENOUGH)["data"]] == ["holdout", "recent"]
