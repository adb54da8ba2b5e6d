# SPDX-License-Identifier: Apache-2.0
"""Drift: what the API server does to an object by itself is none, everything else is."""

from decimal import Decimal
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.runtime.work.drift import differs
from mlops_operator.runtime.work.quantities import parse_quantity


def with_spec(spec: Any, **metadata: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a", **metadata}, "spec": spec}


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        ({"replicas": 2}, {"replicas": 2, "revisionHistoryLimit": 10}),
        ({"replicas": 0}, {"replicas": 0}),
        ({"minReadySeconds": 0}, {}),
        ({"paused": False}, {}),
        ({"host": ""}, {}),
        ({"args": []}, {}),
        ({"securityContext": {}}, {}),
        ({"note": None}, {"note": "the server's"}),
        ({"containers": [{"name": "a"}]}, {"containers": [{"name": "a", "imagePullPolicy": "Always"}]}),
        ({"limits": {"cpu": "1000m", "memory": "1024Mi"}}, {"limits": {"cpu": "1", "memory": "1Gi"}}),
        ({"limits": {"cpu": 1}}, {"limits": {"cpu": "1"}}),
        ({"target": {"averageValue": "0.5"}}, {"target": {"averageValue": "500m"}}),
    ],
)
def test_no_drift(desired: Any, observed: Any) -> None:
    assert not differs(with_spec(desired), with_spec(observed))


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        ({"replicas": 2}, {"replicas": 3}),
        ({"replicas": 0}, {"replicas": 1}),
        ({"replicas": 2, "paused": True}, {"replicas": 2, "paused": False}),
        ({"replicas": 0}, {}),
        ({"ttlSecondsAfterFinished": 0}, {}),
        ({"minReadySeconds": 0}, {"minReadySeconds": 5}),
        ({"paused": False}, {"paused": True}),
        ({"paused": True}, {}),
        ({"host": ""}, {"host": "x"}),
        ({"args": []}, {"args": ["x"]}),
        ({"args": ["a", "b"]}, {"args": ["b", "a"]}),
        ({"args": ["a", "b"]}, {"args": ["a", "c"]}),
        ({"args": ["a"]}, {"args": ["a", "b"]}),
        ({"containers": [{"name": "a", "image": "x:1"}]}, {"containers": [{"name": "a", "image": "x:2"}]}),
        ({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}),
        ({"env": [{"name": "A", "value": "1000m"}]}, {"env": [{"name": "A", "value": "1"}]}),
        ({"port": 80}, {"port": "80"}),
        ({"on": True}, {"on": 1}),
        ({"selector": {"app": "x"}}, {"selector": "app=x"}),
    ],
)
def test_drift(desired: Any, observed: Any) -> None:
    assert differs(with_spec(desired), with_spec(observed))


def test_one_field_that_differs_is_enough() -> None:
    desired = {**with_spec({"replicas": 2}), "data": {"a": "1"}}
    assert differs(desired, {**desired, "data": {"a": "2"}})
    assert differs(desired, {**desired, "spec": {"replicas": 3}})


def test_status_is_not_compared() -> None:
    assert not differs({**with_spec({}), "status": {"x": 1}}, with_spec({}))


def test_preconditions_in_metadata_are_not_compared() -> None:
    assert not differs(with_spec({}, resourceVersion="4", uid="u"), with_spec({}, resourceVersion="7", uid="u"))


def test_labels_of_others_are_fine_and_ours_are_needed() -> None:
    assert not differs(with_spec({}, labels={"a": "1"}), with_spec({}, labels={"a": "1", "b": "2"}))
    assert differs(with_spec({}, labels={"a": "1"}), with_spec({}, labels={"b": "2"}))
    assert differs(with_spec({}, labels={"a": ""}), with_spec({}, labels={}))


def test_owners_and_finalizers_of_others_are_fine() -> None:
    mine = {"uid": "u1", "controller": True, "kind": "X", "name": "x"}
    theirs = {"uid": "u2", "kind": "Y", "name": "y"}
    assert not differs(with_spec({}, ownerReferences=[mine]), with_spec({}, ownerReferences=[theirs, mine]))
    assert differs(with_spec({}, ownerReferences=[mine]), with_spec({}, ownerReferences=[theirs]))
    assert not differs(with_spec({}, finalizers=["a"]), with_spec({}, finalizers=["b", "a"]))
    assert differs(with_spec({}, finalizers=["a"]), with_spec({}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("1000m", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1k", "1000"),
        ("2e3", "2000"),
        ("2E3", "2000"),
        ("1E", "1000000000000000000"),
        ("-100m", "-0.1"),
        ("5n", "0.000000005"),
    ],
)
def test_quantities_are_read_exactly(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "1e", "--1", "1mm", "."])
def test_what_is_no_quantity_is_none(text: str) -> None:
    assert parse_quantity(text) is None
