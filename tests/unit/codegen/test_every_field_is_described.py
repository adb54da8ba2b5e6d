# SPDX-License-Identifier: Apache-2.0
"""`kubectl explain` has words for every field, and every value of an enumeration has a description."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum

import pytest

from mlops_operator import api
from mlops_operator.api.kind import Kind
from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.crd.definition import object_schema
from mlops_operator.codegen.crd.descriptions import member_descriptions, own_docstring
from mlops_operator.codegen.crd.structural import OpenAPI

DESCRIBED_BY_KUBERNETES = frozenset({"apiVersion", "kind", "metadata"})
"""Fields of every object, for which the API server has its own descriptions."""


def without_description(schema: OpenAPI, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of fields at and below `schema` that have no description."""
    if path and path[-1] != "[]" and path[0] not in DESCRIBED_BY_KUBERNETES and not schema.get("description"):
        yield ".".join(path)
    for name, field in schema.get("properties", {}).items():
        yield from without_description(field, (*path, name))
    if "items" in schema:
        yield from without_description(schema["items"], (*path, "[]"))


def enumerations() -> list[type[Enum]]:
    """The enumerations of the API."""
    modules = [importlib.import_module(f"{api.__name__}.{entry.name}") for entry in pkgutil.iter_modules(api.__path__)]
    return [
        found
        for module in modules
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Enum) and found.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_has_a_description(kind: Kind) -> None:
    assert list(without_description(object_schema(kind))) == []


@pytest.mark.parametrize("enumeration", enumerations(), ids=lambda found: found.__name__)
def test_every_value_of_an_enumeration_has_a_description(enumeration: type[Enum]) -> None:
    assert own_docstring(enumeration)
    assert [value for value, words in member_descriptions(enumeration).items() if not words] == []
