# SPDX-License-Identifier: Apache-2.0
"""Models as structural schemas: the dialect of OpenAPI that a CustomResourceDefinition takes.

The types of the models' fields are walked, not pydantic's JSON schema: what a CRD cannot
express ($ref, anyOf with null, exclusive bounds as numbers, `const`, titles) then never arises, and
the markers of `api/schema.py` are available at their fields. pydantic's JSON schema is used
for the constraints of scalars only.
"""

import builtins
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from mlops_operator.api.schema import CelRule, FreeForm, IntOrString, ListMap
from mlops_operator.codegen.crd.defaults import field_default
from mlops_operator.codegen.crd.descriptions import own_docstring, text, type_description
from mlops_operator.codegen.crd.errors import UnboundedError, UnguardedFieldError, UnsupportedTypeError
from mlops_operator.codegen.crd.rules import model_rules, read_unasked, validation

OpenAPI: TypeAlias = dict[str, Any]
"""A schema object as JSON."""

INTEGER_FORMAT: Final = "int64"
"""What the API server and CEL read an integer as; without it clients may take 32 bits."""

_SCALARS: Final[Mapping[type, str]] = {str: "string", bool: "boolean", int: "integer", float: "number"}

_SCALAR_KEYWORDS: Final = (
    "format",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)
"""Constraints taken over from pydantic; everything else (titles, examples) is dropped."""


@dataclass(frozen=True)
class _Context:
    """Current position in the schema, and whether defaults are written there and in the items of atomic lists."""

    where: str
    defaults: bool
    in_atomic_lists: bool = False

    def at(self, part: str) -> "_Context":
        return replace(self, where=f"{self.where}.{part}")


def model_schema(model: type[BaseModel], *, defaults: bool, in_atomic_lists: bool = False) -> OpenAPI:
    """The schema of an object of `model`.

    Args:
        model: the pydantic model.
        defaults: whether the API server fills in the model's defaults. True for specs, so that
            kubectl shows what is in force. Never for statuses: the operator leaves defaults out
            when it writes one, and would find them again as differences for ever.
        in_atomic_lists: whether defaults are shown in the items of atomic lists as well. Only for documentation: an
            atomic list is compared as a whole, so a list with defaults filled in differs from the one that was
            applied, and a second manager that applies the same file meets a conflict.

    Raises:
        UnsupportedTypeError: a field's type has no counterpart.
        UnboundedError: a string, list or map without an upper bound.
    """
    return _object(model, _Context(model.__name__, defaults, in_atomic_lists))


def _object(model: type[BaseModel], context: _Context) -> OpenAPI:
    hints = typing.get_type_hints(model, include_extras=True)
    rules = tuple(model_rules(model))
    read = read_unasked(rules)
    properties: OpenAPI = {}
    required: list[str] = []
    for name, field in model.model_fields.items():
        alias = field.alias or name
        properties[alias] = _field(field, hints[name], context.at(alias), read=alias in read)
        if field.is_required():
            required.append(alias)
    schema: OpenAPI = {"type": "object"}
    if words := own_docstring(model):
        schema["description"] = words
    schema["properties"] = properties
    if required:
        schema["required"] = required
    if rules:
        schema["x-kubernetes-validations"] = [validation(rule) for rule in rules]
    return schema


def _field(field: FieldInfo, hint: object, context: _Context, *, read: bool) -> OpenAPI:
    """The schema of a field; `read`: a rule relies on the presence of the field."""
    schema = _schema(hint, context)
    if field.description:
        schema["description"] = text(field.description)
    if context.defaults:
        default = field_default(field, schema, empty=read)
        if default is not None:
            schema["default"] = default
    if read and not field.is_required() and "default" not in schema:
        raise UnguardedFieldError(context.where)
    order = ("description", "type", "format", "enum", "default")
    return {key: schema[key] for key in (*order, *(key for key in schema if key not in order)) if key in schema}


def _schema(hint: object, context: _Context) -> OpenAPI:
    """The schema of a type; an `| None` around it has no equivalent in the schema and is dropped."""
    base, metadata = unwrap(hint)
    schema = _bare(base, metadata, context)
    if words := type_description(without_none(hint)):
        schema.setdefault("description", words)
    return schema


def _bare(base: object, metadata: tuple[object, ...], context: _Context) -> OpenAPI:
    if (free_form := _marker(metadata, FreeForm)) is not None:
        # Any JSON includes null, which the API server would silently drop otherwise.
        kind: OpenAPI = {"type": "object"} if free_form.object_only else {"nullable": True}
        return {**kind, "x-kubernetes-preserve-unknown-fields": True}
    if _marker(metadata, IntOrString) is not None:
        return _int_or_string(base, context)
    if isinstance(base, type) and base in _SCALARS:
        return _scalar(base, metadata, context)
    if isinstance(base, type) and issubclass(base, Enum):
        return {"type": "string", "description": own_docstring(base), "enum": [str(member.value) for member in base]}
    if isinstance(base, type) and issubclass(base, BaseModel):
        return _object(base, context)
    return _collection(base, metadata, context)


def _collection(base: object, metadata: tuple[object, ...], context: _Context) -> OpenAPI:
    match typing.get_origin(base), typing.get_args(base):
        case builtins.tuple, (item, builtins.Ellipsis):
            return _array(item, metadata, context)
        case builtins.dict, (key, value):
            return _map(key, value, metadata, context)
    raise UnsupportedTypeError(context.where, base)


def _scalar(base: type, metadata: tuple[object, ...], context: _Context) -> OpenAPI:
    theirs = TypeAdapter(annotated(base, metadata)).json_schema()
    schema: OpenAPI = {"type": _SCALARS[base]}
    if base is int:
        schema["format"] = INTEGER_FORMAT
    schema |= {key: _number(theirs[key]) for key in _SCALAR_KEYWORDS if key in theirs}
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            schema[bound], schema[exclusive] = schema[exclusive], True
    if base is str and "maxLength" not in schema:
        raise UnboundedError(context.where, "maxLength")
    return schema


def _number(value: Any) -> Any:
    """Whole numbers are written as such: `1000`, not `1000.0`."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _int_or_string(base: object, context: _Context) -> OpenAPI:
    """The string's constraints hold for the string alone: JSON schema skips them for numbers."""
    schema: OpenAPI = {"x-kubernetes-int-or-string": True}
    for member in typing.get_args(base):
        inner, metadata = unwrap(member)
        if inner is str and metadata:
            schema |= {key: value for key, value in _scalar(str, metadata, context).items() if key != "type"}
    return schema


def _array(item: object, metadata: tuple[object, ...], context: _Context) -> OpenAPI:
    list_map = _marker(metadata, ListMap)
    inner = context.at("[]")
    if list_map is None and not context.in_atomic_lists:
        inner = replace(inner, defaults=False)
    schema: OpenAPI = {"type": "array", "items": _schema(item, inner)}
    bounds = length_bounds(metadata)
    if bounds.minimum is not None:
        schema["minItems"] = bounds.minimum
    if bounds.maximum is None:
        raise UnboundedError(context.where, "maxItems")
    schema["maxItems"] = bounds.maximum
    if list_map is None:
        schema["x-kubernetes-list-type"] = "atomic"
    else:
        schema["x-kubernetes-list-type"] = "map"
        schema["x-kubernetes-list-map-keys"] = [to_camel(list_map.key)]
    return schema


def _map(key: object, value: object, metadata: tuple[object, ...], context: _Context) -> OpenAPI:
    schema: OpenAPI = {"type": "object", "additionalProperties": _schema(value, context.at("{}"))}
    bounds = length_bounds(metadata)
    if bounds.minimum is not None:
        schema["minProperties"] = bounds.minimum
    if bounds.maximum is None:
        raise UnboundedError(context.where, "maxProperties")
    schema["maxProperties"] = bounds.maximum
    limit = length_bounds(unwrap(key)[1]).maximum
    if limit is not None and "type" in schema["additionalProperties"]:  # CEL cannot see maps of untyped values
        rule = CelRule(f"self.all(key, key.size() <= {limit})", f"keys: at most {limit} characters each")
        schema["x-kubernetes-validations"] = [validation(rule)]
    return schema


@dataclass(frozen=True)
class LengthBounds:
    """Bounds on the length of a string, or on the number of items."""

    minimum: int | None = None
    maximum: int | None = None


def length_bounds(metadata: tuple[object, ...]) -> LengthBounds:
    """The `min_length` and `max_length` in a type's metadata."""
    bounds = LengthBounds()
    for entry in metadata:
        if hasattr(entry, "min_length"):
            bounds = replace(bounds, minimum=entry.min_length)
        if hasattr(entry, "max_length"):
            bounds = replace(bounds, maximum=entry.max_length)
    return bounds


def without_none(hint: object) -> object:
    """`X` for `X | None`, else the type itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        if len(members) == 1:
            return members[0]
    return hint


def unwrap(hint: object) -> tuple[object, tuple[object, ...]]:
    """The type inside `Annotated` and `| None`, however nested, with all the metadata on the way."""
    metadata: tuple[object, ...] = ()
    while True:
        inner = without_none(hint)
        if typing.get_origin(inner) is typing.Annotated:
            inner, *found = typing.get_args(inner)
            metadata = (*_constraints(found), *metadata)
        if inner is hint:
            return hint, metadata
        hint = inner


def _constraints(metadata: list[object]) -> Iterator[object]:
    """Metadata with each `Field(...)` replaced by what it constrains."""
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            yield from entry.metadata
            if isinstance(entry.json_schema_extra, dict):
                yield FieldInfo(json_schema_extra=entry.json_schema_extra)
        else:
            yield entry


def annotated(base: type, metadata: tuple[object, ...]) -> Any:
    """`Annotated[base, *metadata]`."""
    return typing.Annotated[(base, *metadata)] if metadata else base


MarkerT = typing.TypeVar("MarkerT")


def _marker(metadata: tuple[object, ...], kind: type[MarkerT]) -> MarkerT | None:
    return next((entry for entry in metadata if isinstance(entry, kind)), None)
