# SPDX-License-Identifier: Apache-2.0
"""Metrics of models: what is counted once, and which series an object has, for as long as it is there."""

from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

import mlops_operator.runtime.metrics  # noqa: F401 - switches off the `_created` series, as in the operator
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.telemetry import counted
from mlops_operator.controllers.telemetry.series import GAUGES
from mlops_operator.controllers.telemetry.telemetry import LEFT_OUT, ObjectTelemetry
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.store import Change

STALLED = [{"type": "Stalled", "status": "True", "reason": "Because"}]


def tell(
    telemetry: ObjectTelemetry, resource: Resource, name: str, status: Manifest | None, spec: Manifest | None = None
) -> None:
    """The object has this status now, or is gone."""
    new = None
    if status is not None:
        new = {"metadata": {"namespace": "team-a", "name": name}, "spec": spec or {}, "status": status}
    telemetry.changed(resource, Change(Key("team-a", name), None, new, False))


def series(telemetry: ObjectTelemetry) -> dict[str, float]:
    """What a scrape shows, by its text."""
    lines = generate_latest(telemetry.objects).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs if not name.startswith(LEFT_OUT)}


def window(**verdicts: Any) -> Manifest:
    return {"end": "2026-01-01T00:00:10Z", "metrics": [{"name": "accuracy", **verdicts}]}


def test_a_monitor_shows_value_limits_and_breach_of_its_last_window() -> None:
    telemetry = ObjectTelemetry(objects=True)
    breached = window(value=0.5, lower=0.9, upper=0.99, breached="True")
    tell(telemetry, MODEL_MONITORS, "live", {"windows": [window(value=0.97, breached="False"), breached]})
    labels = '{metric="accuracy",name="live",namespace="team-a"}'
    assert series(telemetry) == {
        f"mlops_modelmonitor_value{labels}": 0.5,
        f"mlops_modelmonitor_lower_limit{labels}": 0.9,
        f"mlops_modelmonitor_upper_limit{labels}": 0.99,
        f"mlops_modelmonitor_breached{labels}": 1,
        'mlops_modelmonitor_window_end_timestamp_seconds{name="live",namespace="team-a"}': 1767225610,
    }
    tell(telemetry, MODEL_MONITORS, "live", {"windows": [window(breached="Unknown")]})
    assert [name.partition("{")[0] for name in series(telemetry)] == ["mlops_modelmonitor_window_end_timestamp_seconds"]


def test_a_model_shows_its_aliases_and_its_trainings_by_phase() -> None:
    telemetry = ObjectTelemetry(objects=True)
    alias = {"name": "champion", "versionUid": "u", "since": "2026-01-01T00:00:00Z"}
    tell(telemetry, MODELS, "m", {"versions": [{"name": "m-1", "uid": "u", "number": 7}], "aliases": [alias]})
    for name, phase in (("a", "Failed"), ("b", "Failed"), ("c", "Succeeded"), ("d", "no phase at all")):
        tell(telemetry, TRAINING_JOBS, name, {"phase": phase}, {"model": "m"})
    found = series(telemetry)
    assert found['mlops_model_alias_version{alias="champion",name="m",namespace="team-a"}'] == 7
    assert found['mlops_model_alias_changed_timestamp_seconds{alias="champion",name="m",namespace="team-a"}'] > 1.7e9
    assert found['mlops_model_trainingjobs{name="m",namespace="team-a",phase="Failed"}'] == 2
    assert found['mlops_model_trainingjobs{name="m",namespace="team-a",phase="Succeeded"}'] == 1
    assert len(found) == 4
    tell(telemetry, TRAINING_JOBS, "a", None)
    assert series(telemetry)['mlops_model_trainingjobs{name="m",namespace="team-a",phase="Failed"}'] == 1


def test_a_deployment_shows_where_its_rollout_is() -> None:
    telemetry = ObjectTelemetry(objects=True)
    status = {"phase": "RollingOut", "candidate": {"step": 1}, "weights": {"desired": 30, "achieved": 33}}
    tell(telemetry, MODEL_DEPLOYMENTS, "d", status)
    assert series(telemetry) == {
        'mlops_modeldeployment_phase{name="d",namespace="team-a",phase="RollingOut"}': 1,
        'mlops_modeldeployment_rollout_step{name="d",namespace="team-a"}': 2,
        'mlops_modeldeployment_candidate_weight_percent{name="d",namespace="team-a"}': 33,
    }
    tell(telemetry, MODEL_DEPLOYMENTS, "d", {"phase": "Stable"})
    assert series(telemetry) == {'mlops_modeldeployment_phase{name="d",namespace="team-a",phase="Stable"}': 1}


@pytest.mark.parametrize("resource", [TRAINING_JOBS, MODELS, MODEL_DEPLOYMENTS, MODEL_MONITORS, PROMOTIONS], ids=str)
def test_series_go_with_their_object(resource: Resource) -> None:
    telemetry = ObjectTelemetry(objects=True)
    tell(telemetry, resource, "x", {"phase": "Failed", "conditions": STALLED}, {"model": "m"})
    assert f'mlops_object_stalled{{kind="{resource.kind}",name="x",namespace="team-a"}}' in series(telemetry)
    tell(telemetry, resource, "x", None)
    assert series(telemetry) == {}
    assert telemetry._samples == {}


def test_stalled_objects_are_counted_without_their_names_in_any_case() -> None:
    telemetry = ObjectTelemetry()
    for name in ("a", "b", "b"):
        tell(telemetry, PROMOTIONS, name, {"conditions": STALLED})
    assert REGISTRY.get_sample_value("mlops_operator_stalled_objects", {"controller": "promotion"}) == 2
    tell(telemetry, PROMOTIONS, "a", {"conditions": []})
    tell(telemetry, PROMOTIONS, "b", None)
    assert REGISTRY.get_sample_value("mlops_operator_stalled_objects", {"controller": "promotion"}) == 0
    assert series(telemetry) == {}


def test_the_number_of_series_is_bounded_and_the_rest_is_counted() -> None:
    telemetry = ObjectTelemetry(objects=True, max_series=3)
    for number in range(5):
        tell(telemetry, MODEL_DEPLOYMENTS, f"d{number}", {"phase": "Stable"})
    assert len(series(telemetry)) == 3
    assert f"{LEFT_OUT} 2.0" in generate_latest(telemetry.objects).decode()


@pytest.mark.parametrize("status", [{"windows": [{}]}, {"aliases": [{}]}, {"windows": 5}, {"conditions": 3}], ids=str)
def test_a_status_of_any_form_harms_nobody(status: Manifest) -> None:
    telemetry = ObjectTelemetry(objects=True)
    for resource in (MODEL_MONITORS, MODELS):
        tell(telemetry, resource, "odd", status)
        telemetry.written(resource, {}, status)
    assert series(telemetry) == {}


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_end_of_a_training_is_counted_once_and_by_documented_reasons_alone() -> None:
    failed = {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False", "reason": "BackoffLimitExceeded"}]}
    name, labels = "mlops_operator_trainings_total", {"phase": "Failed", "reason": "BackoffLimitExceeded"}
    before, other = value(name, **labels), value(name, phase="Failed", reason="Other")
    counted.count(TRAINING_JOBS, {"phase": "Running"}, failed)
    counted.count(TRAINING_JOBS, failed, failed)
    assert value(name, **labels) == before + 1
    foreign = {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False", "reason": "MyOwnWord"}]}
    counted.count(TRAINING_JOBS, {}, foreign)
    assert value(name, phase="Failed", reason="Other") == other + 1


def test_an_alias_that_moves_or_goes_is_counted() -> None:
    name = "mlops_operator_alias_changes_total"
    moved, removed = value(name, change="Moved"), value(name, change="Removed")
    one, two = ({"aliases": [{"name": "champion", "promotionUid": uid}]} for uid in ("p", "q"))
    for before, after in (({}, one), (one, one), (one, two), (two, {})):
        counted.count(MODELS, before, after)
    assert (value(name, change="Moved") - moved, value(name, change="Removed") - removed) == (2, 1)


def test_a_rollout_is_counted_at_its_beginning_and_its_end() -> None:
    results = ("Started", "Promoted", "Stopped", "RolledBack")
    name = "mlops_operator_rollouts_total"
    before = [value(name, result=result) for result in results]
    old, new = {"revision": "a"}, {"revision": "b", "startedAt": "t"}
    history: list[Manifest] = [
        {"stable": old},
        {"stable": old, "candidate": new},
        {"stable": old, "candidate": {**new, "step": 1}},
        {"stable": new, "former": old},
        {"stable": old, "stopped": {"at": "t"}},
    ]
    for former, later in pairwise(history):
        counted.count(MODEL_DEPLOYMENTS, former, later)
    assert [value(name, result=result) - was for result, was in zip(results, before, strict=True)] == [1, 1, 1, 1]


def test_no_metric_on_the_open_port_names_an_object() -> None:
    recorded = {gauge.name for gauge in GAUGES}
    for metric in REGISTRY.collect():
        assert metric.name not in recorded
        assert not any({"namespace", "object"} & set(sample.labels) for sample in metric.samples)
        assert not any(sample.name.endswith("_created") for sample in metric.samples)


KINDS = ("ModelVersion", "TrainingJob")


def test_what_policies_list_is_counted_by_kind_and_goes_with_its_model() -> None:
    telemetry, name = ObjectTelemetry(), "mlops_operator_listed_artifacts"
    before = [value(name, kind=kind) for kind in KINDS]

    def listed() -> list[float]:
        return [value(name, kind=kind) - was for kind, was in zip(KINDS, before, strict=True)]

    tell(telemetry, MODELS, "a", {"retention": {"listed": 3, "runs": {"listed": 2}}})
    tell(telemetry, MODELS, "b", {"retention": {"listed": 1}})
    assert listed() == [4, 2]
    tell(telemetry, MODELS, "a", {"retention": {"runs": {"listed": 5}}})
    assert listed() == [1, 5]
    tell(telemetry, MODELS, "a", None)
    tell(telemetry, MODELS, "b", {})
    assert listed() == [0, 0]
    assert telemetry._listed == {}


def test_removed_files_and_failed_removals_are_counted() -> None:
    names = [
        (f"mlops_operator_{name}_total", kind) for name in ("removed_artifacts", "failed_removals") for kind in KINDS
    ]
    size = "mlops_operator_removed_artifact_bytes_total"
    before, bytes_before = [value(name, kind=kind) for name, kind in names], value(size)

    def retention(version: int, run: int, *, removed: int, runs: int, size: int) -> Manifest:
        failing = [{"folder": "pvc://a", "failures": version}]
        of_runs = {"removed": runs, "removals": [{"folder": "pvc://b", "failures": run}]}
        return {"retention": {"removed": removed, "removedSize": size, "removals": failing, "runs": of_runs}}

    history: list[Manifest] = [
        {},
        retention(0, 1, removed=1, runs=0, size=10),
        retention(2, 1, removed=1, runs=0, size=10),
        retention(2, 1, removed=3, runs=4, size=40),
        {},
    ]
    for former, later in pairwise(history):
        counted.count(MODELS, former, later)
    assert [value(name, kind=kind) - was for (name, kind), was in zip(names, before, strict=True)] == [3, 4, 2, 1]
    assert value(size) - bytes_before == 40
