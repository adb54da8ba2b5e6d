# SPDX-License-Identifier: Apache-2.0
"""Values for every field of a schema: at its boundaries, empty, huge, null, in other scripts, and none at all."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mlops_operator.codegen.crd.structural import OpenAPI
from tests.faults.campaigns.edits import ABSENT, Edit, Expect, at, replaced, text
from tests.integration.crd_cases.mutations import Path, mutations

DIGEST: Final = "sha256:" + "0123456789abcdef" * 4

TEXTS: Final = (
    "a",
    "0",
    "x-y",
    "1x",
    "500m",
    "2Gi",
    "1e3",
    "1s",
    "0h0m0s",
    "99999h59m59s",
    "999999999999999h",
    "pvc://store/a",
    "pvc://store",
    "pvc://a.b/../c",
    DIGEST,
    "A_b.c",
    "a.b.c",
    "61 * * * *",
    "Mars/Olympus",
    "true",
    "null",
    "$(HOME)",
    "größe 漢字 🙂",
    "line\nbreak",
    " spaces ",
    "{}",
)
"""Strings that look like something: those that fit a field's pattern and length are tried."""

HUGE: Final = 200_000
"""Characters of a string where the schema sets no limit: an object still fits into etcd."""


Change = tuple[Path, str, Any]
"""Where, what is special about the value, and the value."""


def edits(spec: Any, schema: OpenAPI) -> list[Edit]:
    """Every change of one field of `spec` that its schema suggests, wrong ones among them."""
    found = [*_wrong(spec, schema), *(edit(spec, change) for change in changes(spec, schema))]
    unique = {(json.dumps(edit.spec, sort_keys=True), edit.expect): edit for edit in found}
    return list(unique.values())


def edit(spec: Any, change: Change) -> Edit:
    """A copy of `spec` with the change made; nothing is known of what will come of it."""
    path, why, value = change
    says = [str(part) for part in path[-1:-3:-1]]
    if isinstance(value, str) and value:
        says.append(value[:40])
    return Edit(replaced(spec, path, value), text(path), why, Expect.EITHER, says=tuple(says))


def changes(spec: Any, schema: OpenAPI) -> list[Change]:
    """Every value of every field that fits, or fits all but a rule that goes over several fields."""
    return [
        (path, why, value)
        for path, inner in _fields(spec, schema, ())
        for why, value in _values(at(spec, path), inner)
        if _differs(path, at(spec, path), value)
    ]


def _differs(path: Path, present: Any, value: Any) -> bool:
    if value is ABSENT and (present is ABSENT or isinstance(path[-1], int)):
        return False
    return bool(value != present) or type(value) is not type(present)


def _wrong(spec: Any, schema: OpenAPI) -> Iterator[Edit]:
    for mutation in mutations(spec, schema):
        yield Edit(mutation.spec, mutation.field, mutation.why, Expect.REFUSED)


def _fields(value: Any, schema: OpenAPI, path: Path) -> Iterator[tuple[Path, OpenAPI]]:
    """Every field below `value`, also those that it leaves out; of a map and of a list one entry."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        entry = value.get(name, ABSENT) if isinstance(value, dict) else ABSENT
        if isinstance(entry, dict | list):
            yield from _fields(entry, inner, (*path, name))
    if isinstance(value, list) and value and "items" in schema:
        if schema["items"].get("type") != "object":
            yield (*path, 0), schema["items"]
        yield from _fields(value[0], schema["items"], (*path, 0))
    extra = schema.get("additionalProperties")
    if isinstance(value, dict) and value and isinstance(extra, dict):
        name = next(iter(value))
        yield (*path, name), extra


def _values(present: Any, schema: OpenAPI) -> Iterator[tuple[str, Any]]:
    yield "absent", ABSENT
    yield "null", None
    if "enum" in schema:
        yield from ((f"listed {value!r}", value) for value in schema["enum"])
        return
    if schema.get("x-kubernetes-int-or-string"):
        yield from (("the least", 0), ("large", 2**40), ("negative", -1))
        yield from _texts(schema)
        return
    match schema.get("type"):
        case "string":
            yield from _texts(schema)
        case "integer" | "number":
            yield from _numbers(schema)
        case "boolean":
            yield from (("true", True), ("false", False))
        case "array":
            yield from _lists(present, schema)
        case "object":
            yield "empty", {}
            yield from _maps(present, schema)
        case _:
            yield from (("a number", 1), ("a text", "größe"), ("nested", {"a": [{"b": None}]}))


def _texts(schema: OpenAPI) -> Iterator[tuple[str, str]]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", HUGE)
    pattern = re.compile(schema.get("pattern", ""))
    tried = ["", *TEXTS, "a" * least, "a" * most, "1" * most, "é" * most]
    if "pvc" in pattern.pattern:
        tried.append("pvc://store/" + "a" * (most - 12))
    for value in dict.fromkeys(tried):
        if least <= len(value) <= most and pattern.search(value):
            yield ("a text" if len(value) < 40 else f"{len(value)} characters"), value


def _numbers(schema: OpenAPI) -> Iterator[tuple[str, int | float]]:
    if "minimum" in schema:
        yield from (("the least", schema["minimum"]), ("above the least", schema["minimum"] + 1))
    if "maximum" in schema:
        yield from (("the most", schema["maximum"]), ("below the most", schema["maximum"] - 1))
    else:
        yield "the largest", 2**63 - 1
    if schema["type"] == "number":
        yield from (("tiny", 1e-300), ("a fraction", 0.625))


def _lists(present: Any, schema: OpenAPI) -> Iterator[tuple[str, list[Any]]]:
    yield "empty", []
    if not isinstance(present, list) or not present:
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    most = schema.get("maxItems", 64)
    first = present[0]
    many = [{**first, **dict.fromkeys(keys, f"k{n}")} if keys else first for n in range(most)]
    yield f"{most} items", many
    if keys:
        yield "another key", [{**first, **dict.fromkeys(keys, "another")}]
    if len(present) > 1:
        yield "the other way round", present[::-1]


def _maps(present: Any, schema: OpenAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(present, dict) or not present or "additionalProperties" not in schema:
        return
    value = next(iter(present.values()))
    most = schema.get("maxProperties", 64)
    yield f"{most} keys", {f"k{n}": value for n in range(most)}
    yield from ((f"the key {key!r}", {key: value}) for key in ("größe", "a b", "A/b", "/", "", "a" * 128, "x.y/z"))
