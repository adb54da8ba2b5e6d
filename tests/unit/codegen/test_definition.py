# SPDX-License-Identifier: Apache-2.0
"""The CustomResourceDefinitions as a whole."""

import itertools
import re
from typing import Any

import pytest
import yaml

from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.__main__ import HEADER, generator
from mlops_operator.codegen.crd.definition import custom_resource_definition, object_schema
from mlops_operator.codegen.generated import ROOT, to_yaml
from mlops_operator.kube.resources import OWN
from tests.integration.crd_cases.mutations import paths_of_schema, rules_of_schema

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)

MAX_FILE = 200 * 1024
"""Bytes; `kubectl apply` keeps the whole object in an annotation of at most 256 KiB."""


def test_the_files_are_fresh() -> None:
    assert generator().differences(ROOT) == []


def test_every_resource_has_a_definition() -> None:
    assert {resource.plural for resource in OWN} == {kind.plural for kind in KINDS}


def test_names_do_not_clash() -> None:
    names = [(kind.plural, kind.singular, *kind.short_names) for kind in KINDS]
    flat = list(itertools.chain.from_iterable(names))
    assert len(flat) == len(set(flat))


@by_kind
def test_no_column_shows_a_figure_with_all_its_digits(kind: Kind) -> None:
    """Figures get columns of text that the status rounds to 4 digits; what is left of type `number` would not be."""
    assert [column.name for column in kind.printer_columns if column.type == "number"] == []


@by_kind
def test_files_are_small_and_say_that_they_are_generated(kind: Kind) -> None:
    content = (ROOT / "crds" / f"{kind.plural}.yaml").read_text()
    assert content.startswith(HEADER)
    assert len(content.encode()) < MAX_FILE


@by_kind
def test_kubectl_lists_all_kinds_by_one_category(kind: Kind) -> None:
    assert custom_resource_definition(kind)["spec"]["names"]["categories"] == ["mlops"]


@by_kind
def test_every_field_has_words(kind: Kind) -> None:
    """`kubectl explain` says something on every object; leaves may speak for themselves."""

    def silent(schema: dict[str, Any], path: str) -> list[str]:
        found = [path] if "properties" in schema and not schema.get("description") else []
        for name, inner in schema.get("properties", {}).items():
            found += silent(inner.get("items", inner), f"{path}.{name}")
        return found

    properties = object_schema(kind)["properties"]
    assert silent(properties["spec"], "spec") + silent(properties["status"], "status") == []


@by_kind
def test_every_rule_says_what_is_wrong(kind: Kind) -> None:
    for message in rules_of_schema(object_schema(kind)):
        assert len(message) > len("x: y")
        assert "\n" not in message


@by_kind
def test_printer_columns_read_fields_that_exist(kind: Kind) -> None:
    schema = object_schema(kind)
    schema["properties"]["metadata"]["properties"] = {"creationTimestamp": {"type": "string"}}
    for column in kind.printer_columns:
        assert "type" in _at(schema, column.json_path), column


@by_kind
def test_the_scale_subresource_reads_fields_that_exist(kind: Kind) -> None:
    if kind.scale is not None:
        for path in (kind.scale.spec_replicas, kind.scale.status_replicas, kind.scale.selector):
            assert "type" in _at(object_schema(kind), path), path


def _at(schema: dict[str, Any], json_path: str) -> dict[str, Any]:
    """The schema that a JSONPath of a column leads to; filters and indices stand for an item."""
    for name in re.sub(r"\[[^]]*\]", ".[]", json_path).strip(".").split("."):
        schema = schema["items"] if name == "[]" else schema["properties"][name]
    return schema


@pytest.mark.parametrize("value", ["n", "y", "Y", "on", "no", "1e3", "0x1f", "012", ".5", "null", "~", "2026-01-01"])
def test_strings_that_a_yaml_reader_may_take_for_something_else_are_quoted(value: str) -> None:
    written = to_yaml({value: value})
    assert written == f"'{value}': '{value}'\n"
    assert yaml.safe_load(written) == {value: value}


@by_kind
def test_no_field_of_a_spec_is_called_what_yaml_takes_for_something_else(kind: Kind) -> None:
    """People write specs in YAML without quotes, and kubectl reads YAML 1.1."""
    names = {part for path in paths_of_schema(object_schema(kind)["properties"]["spec"]) for part in path.split(".")}
    assert [name for name in names if to_yaml(name.removesuffix("[]")).startswith("'")] == []
