# SPDX-License-Identifier: Apache-2.0
"""Defaults that the API server fills in.

Scalars and non-empty lists that a model gives by default are written into the schema, so that
`kubectl get -o yaml` shows what is in force. Empty strings, lists, maps and None stay absent: they
carry no information. An object gets a default only if there is one inside it, and then written out in full,
because the API server holds its CEL rules against the default before it fills in what lies inside.

A program that reads an object through its model sees the same value with and without them: a test fills
in the defaults as the API server does and compares.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python


def field_default(field: FieldInfo, schema: dict[str, Any], *, empty: bool = False) -> Any:
    """The `default` of a field with this schema, or None where it has none to show.

    Args:
        field: the model's field.
        schema: the field's schema.
        empty: show an empty string, list or map as well, because a CEL rule reads the field.
    """
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None:
        return None
    if isinstance(value, BaseModel):
        return _object_default(value, schema)
    shown = to_jsonable_python(value, by_alias=True, exclude_none=True)
    if isinstance(shown, str | list | dict) and not shown and not empty:
        return None
    if isinstance(shown, float) and shown.is_integer():
        return int(shown)
    return shown


def _object_default(value: BaseModel, schema: dict[str, Any]) -> dict[str, Any] | None:
    own: dict[str, Any] = value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    filled: dict[str, Any] = fill_in(own, schema)
    return filled or None


def fill_in(value: Any, schema: dict[str, Any]) -> Any:
    """`value` with the defaults of `schema` filled in, as the API server's structural defaulting does.

    A null counts as absent, except where the schema allows it.
    """
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        each = schema.get("additionalProperties", {"nullable": True})
        inner = {key: properties.get(key, each) for key in (*value, *properties)}
        given = {key: entry for key, entry in value.items() if entry is not None or inner[key].get("nullable")}
        absent = {key: entry["default"] for key, entry in properties.items() if key not in given and "default" in entry}
        return {key: fill_in(entry, inner[key]) for key, entry in (given | absent).items()}
    if isinstance(value, list) and "items" in schema:
        return [fill_in(item, schema["items"]) for item in value]
    return value
