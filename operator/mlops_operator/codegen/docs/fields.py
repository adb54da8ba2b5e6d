# SPDX-License-Identifier: Apache-2.0
"""Fields of a schema as rows of a table: path, type, default, constraints, words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from mlops_operator.codegen.crd.structural import OpenAPI, unwrap

Links = Mapping[str, str]
"""Paths of fields whose type has a page of its own, with the Markdown that points there."""

_BOUNDS: Final = (
    ("minimum", "≥"),
    ("maximum", "≤"),
    ("minLength", "length ≥"),
    ("maxLength", "length ≤"),
    ("minItems", "items ≥"),
    ("maxItems", "items ≤"),
    ("minProperties", "keys ≥"),
    ("maxProperties", "keys ≤"),
)
_EXCLUSIVE: Final = {"minimum": ("exclusiveMinimum", ">"), "maximum": ("exclusiveMaximum", "<")}


@dataclass(frozen=True)
class FieldRow:
    """One field.

    Attributes:
        path: from the object's root; `[]` stands for an item, `{}` for a map's value.
        type: in words.
        required: whether its parent has to have it.
        default: as JSON, or empty.
        constraints: in words and signs.
        description: Markdown.
    """

    path: str
    type: str
    required: bool
    default: str
    constraints: tuple[str, ...]
    description: str


def linked_fields(model: type[BaseModel], path: str, pages: Mapping[type[BaseModel], str]) -> Iterator[tuple[str, str]]:
    """The fields below `path`, at any depth, whose type is one of `pages`, with its Markdown.

    The type itself counts, not its shape: two kinds may have equal fields.
    """
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        where = f"{path}.{field.alias or name}"
        inner, _ = unwrap(hints[name])
        while (origin := get_origin(inner)) in (tuple, dict):
            where += "[]" if origin is tuple else "{}"
            inner, _ = unwrap(get_args(inner)[0 if origin is tuple else 1])
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            continue
        if inner in pages:
            yield where, pages[inner]
        else:
            yield from linked_fields(inner, where, pages)


def field_rows(schema: OpenAPI, path: str, links: Links) -> Iterator[FieldRow]:
    """The fields of an object, each followed by its own fields; a field in `links` is pointed at instead."""
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        link = links.get(where)
        words = inner.get("description", "")
        yield FieldRow(
            path=where,
            type=type_name(inner),
            required=name in required,
            default=_default(inner),
            constraints=tuple(constraints(inner)),
            description=f"{words} Fields: {link}." if link else words,
        )
        if link is None:
            yield from _inner_rows(inner, where, links)


def _inner_rows(schema: OpenAPI, path: str, links: Links) -> Iterator[FieldRow]:
    if "items" in schema:
        yield from field_rows(schema["items"], f"{path}[]", links)
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from field_rows(schema["additionalProperties"], f"{path}{{}}", links)
    else:
        yield from field_rows(schema, path, links)


def type_name(schema: OpenAPI) -> str:
    """The type in words, e.g. `list of string`, `map of number`, `integer or string`."""
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "items" in schema:
        keys = schema.get("x-kubernetes-list-map-keys")
        by = f" by {', '.join(keys)}" if keys else ""
        return f"list of {type_name(schema['items'])}{by}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map of {type_name(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any JSON"))


def constraints(schema: OpenAPI) -> Iterator[str]:
    """The bounds, pattern and values of a field and, for a list or map, of what is in it."""
    for keyword, sign in _BOUNDS:
        if keyword in schema:
            exclusive, strict = _EXCLUSIVE.get(keyword, ("", ""))
            yield f"{strict if schema.get(exclusive) else sign} {schema[keyword]}"
    if "enum" in schema:
        yield "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "pattern" in schema:
        yield f"matches `{schema['pattern']}`"
    each = schema.get("items") or schema.get("additionalProperties")
    if isinstance(each, dict) and (inner := list(constraints(each))):
        yield f"each: {', '.join(inner)}"


def _default(schema: OpenAPI) -> str:
    if "default" not in schema or schema.get("type") == "object":
        return ""  # an object's default is that of its fields
    value: Any = schema["default"]
    return json.dumps(value)
