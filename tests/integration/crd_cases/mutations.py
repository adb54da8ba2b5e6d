# SPDX-License-Identifier: Apache-2.0
"""Invalid values for every field of a schema, derived from a valid object and the schema's own constraints."""

import copy
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from mlops_operator.codegen.crd.structural import OpenAPI

Path = tuple[str | int, ...]

FOLDER = pathlib.Path(__file__).parent


class Cases(dict[str, Any]):
    """The content of this folder's YAML files by their stems."""

    def __missing__(self, stem: str) -> Any:
        raise FileNotFoundError(f"expected {FOLDER / stem}.yaml with cases for the kind {stem}; copy another kind's")


CASES = Cases({path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))})
"""The hand-written cases by plural: valid specs, what must be refused and in which words, updates."""

WRONG_TYPE: dict[str, Any] = {"string": 12, "integer": "x", "number": "x", "boolean": "x", "object": "x", "array": "x"}
"""A value of another type, by the type that is declared."""


@dataclass(frozen=True)
class Mutation:
    """One value of one field made invalid.

    Attributes:
        spec: the whole spec with it.
        field: what the API server's message has to name.
        why: what is wrong with it.
    """

    spec: Any
    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field} ({self.why})"


def paths_of_schema(schema: OpenAPI, prefix: str = "") -> Iterator[str]:
    """The path of every field, `[]` standing for items; maps and free-form values are one field."""
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        yield from paths_of_schema(inner.get("items", inner), path + ("[]" if "items" in inner else ""))


def paths_of_object(value: Any, schema: OpenAPI, prefix: str = "") -> Iterator[str]:
    """The paths, as `paths_of_schema` writes them, that `value` uses."""
    if isinstance(value, list):
        for item in value:
            yield from paths_of_object(item, schema["items"], prefix + "[]")
    elif isinstance(value, dict):
        for name, entry in value.items():
            if inner := schema.get("properties", {}).get(name):
                path = f"{prefix}.{name}" if prefix else name
                yield path
                yield from paths_of_object(entry, inner, path)


def rules_of_schema(schema: OpenAPI) -> Iterator[str]:
    """The messages of all CEL rules at any depth."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule["message"]
    for inner in (*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")):
        if inner:
            yield from rules_of_schema(inner)


def mutations(spec: Any, schema: OpenAPI) -> Iterator[Mutation]:
    """`spec` with one value after the other made invalid in each way that its schema rules out."""
    for path, value, inner in _nodes(spec, schema, ()):
        for why, wrong in _wrong_values(value, inner):
            yield Mutation(_replaced(spec, path, wrong), _text(path), why)
        for name in inner.get("required", ()):
            if isinstance(value, dict) and name in value:
                without = {key: entry for key, entry in value.items() if key != name}
                yield Mutation(_replaced(spec, path, without), _text((*path, name)), "missing")
        if isinstance(value, dict) and "properties" in inner:
            yield Mutation(_replaced(spec, path, {**value, "unheardOf": 1}), _text((*path, "unheardOf")), "unknown")


def _nodes(value: Any, schema: OpenAPI, path: Path) -> Iterator[tuple[Path, Any, OpenAPI]]:
    yield path, value, schema
    if isinstance(value, dict):
        for name, entry in value.items():
            inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if inner:
                yield from _nodes(entry, inner, (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, entry in enumerate(value):
            yield from _nodes(entry, schema["items"], (*path, index))


def _wrong_values(value: Any, schema: OpenAPI) -> Iterator[tuple[str, Any]]:  # noqa: C901 - one line a keyword
    if (kind := schema.get("type")) is not None:
        yield f"not a {kind}", WRONG_TYPE[kind]
    if schema.get("x-kubernetes-int-or-string"):
        yield "neither an integer nor a string", [1]
    if "maxLength" in schema:
        yield f"longer than {schema['maxLength']}", "a" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield "empty", ""
    if "pattern" in schema:
        yield f"not {schema['pattern']}", " !"
    if "enum" in schema:
        yield "unlisted", "Nonsense"
    if "minimum" in schema:
        yield f"below {schema['minimum']}", schema["minimum"] - 1
    if "maximum" in schema:
        yield f"above {schema['maximum']}", schema["maximum"] + 1
    if "minItems" in schema:
        yield "too few items", []
    if "maxItems" in schema and value:
        yield f"more than {schema['maxItems']} items", list(_many(value[0], schema))
    if schema.get("x-kubernetes-list-type") == "map" and value:
        yield "an item twice", [*value, value[0]]
    if "maxProperties" in schema and value:
        entry = next(iter(value.values()))
        yield f"more than {schema['maxProperties']} keys", {f"k{n}": entry for n in range(schema["maxProperties"] + 1)}


def _many(item: Any, schema: OpenAPI) -> Iterator[Any]:
    keys = schema.get("x-kubernetes-list-map-keys", ())
    for number in range(schema["maxItems"] + 1):
        yield {**item, **dict.fromkeys(keys, f"k{number}")} if keys else item


def _replaced(spec: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    copied = copy.deepcopy(spec)
    inner = copied
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return copied


def _text(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in ("spec", *path)).lstrip(".")
