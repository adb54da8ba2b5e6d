# SPDX-License-Identifier: Apache-2.0
"""Defaults in the schema mean the same as defaults in the model."""

from collections.abc import Iterator
from typing import Any

import pytest

from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.api.schema import SpecModel
from mlops_operator.codegen.crd.defaults import fill_in
from mlops_operator.codegen.crd.definition import UNWRITTEN_STATUS, object_schema
from mlops_operator.codegen.crd.structural import model_schema
from tests.integration.crd_cases.mutations import CASES

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)


class Inner(SpecModel):
    """Inside."""

    count: int = 2
    wanted: bool = False


class Quiet(SpecModel):
    """Nothing to show."""

    note: int | None = None


def default_of(model: type[SpecModel], name: str) -> Any:
    return model_schema(model, defaults=True)["properties"][name].get("default", "none")


def test_scalars_are_shown_and_absent_values_are_not() -> None:
    class Outer(SpecModel):
        number: float = 2.0
        off: bool = False
        absent: int | None = None

    assert default_of(Outer, "number") == 2
    assert isinstance(default_of(Outer, "number"), int)
    assert default_of(Outer, "off") is False
    assert default_of(Outer, "absent") == "none"


def test_an_object_default_is_written_out_in_full() -> None:
    class Outer(SpecModel):
        plain: Inner = Inner()
        other: Inner = Inner(count=5)
        quiet: Quiet = Quiet()

    assert default_of(Outer, "plain") == {"count": 2, "wanted": False}
    assert default_of(Outer, "other") == {"count": 5, "wanted": False}
    assert default_of(Outer, "quiet") == "none"


def test_null_counts_as_absent_unless_it_is_allowed() -> None:
    schema = model_schema(Inner, defaults=True)
    free = {"additionalProperties": {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}}
    assert fill_in({"count": None}, schema) == {"count": 2, "wanted": False}
    assert fill_in({"a": None}, free) == {"a": None}


@by_kind
def test_the_operator_sees_the_same_spec_with_and_without_the_defaults(kind: Kind) -> None:
    schema = object_schema(kind)["properties"]["spec"]
    for spec in CASES[kind.plural]["valid"]:
        assert kind.spec.model_validate(fill_in(spec, schema)) == kind.spec.model_validate(spec)


@by_kind
def test_filling_in_twice_changes_nothing(kind: Kind) -> None:
    schema = object_schema(kind)["properties"]["spec"]
    for spec in CASES[kind.plural]["valid"]:
        once = fill_in(spec, schema)
        assert fill_in(once, schema) == once


@by_kind
def test_an_unwritten_status_is_the_only_default_of_a_status(kind: Kind) -> None:
    status = object_schema(kind)["properties"]["status"]
    assert status["default"] == UNWRITTEN_STATUS
    assert not any(map(_has_default, status["properties"].values()))
    assert not kind.status.of({"status": status["default"]}).written


def _atomic_lists(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every atomic list of a schema, with its items' schema."""
    if not isinstance(schema, dict):
        return
    if schema.get("x-kubernetes-list-type") == "atomic":
        yield path, schema["items"]
    inner = {**schema.get("properties", {}), "[]": schema.get("items"), "{}": schema.get("additionalProperties")}
    for name, entry in inner.items():
        yield from _atomic_lists(entry, f"{path}.{name}")


def _has_default(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return "default" in schema or any(map(_has_default, inner))


@by_kind
def test_no_item_of_an_atomic_list_has_a_default(kind: Kind) -> None:
    # Two server-side-apply managers with the same file would conflict: such a list is compared as a whole.
    schema = model_schema(kind.spec, defaults=True)
    assert [path for path, items in _atomic_lists(schema) if _has_default(items)] == []
