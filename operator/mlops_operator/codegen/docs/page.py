# SPDX-License-Identifier: Apache-2.0
"""The reference page of one kind."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from mlops_operator.api.conditions import READY, RECONCILING, STALLED
from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import API_VERSION
from mlops_operator.codegen.crd.definition import object_schema
from mlops_operator.codegen.crd.descriptions import member_descriptions, own_docstring
from mlops_operator.codegen.crd.structural import OpenAPI
from mlops_operator.codegen.docs.enums import condition_types, enums_of
from mlops_operator.codegen.docs.fields import FieldRow, Links, field_rows, linked_fields
from mlops_operator.codegen.docs.markdown import cell, code, section, table

CONTRACT: Final = {
    RECONCILING: "The operator works on the object, or waits for something that it watches.",
    STALLED: "Cannot recover without a change by the user.",
    READY: "The desired state has been reached; an object that runs to completion has succeeded.",
}
"""Conditions that every kind has."""


def kind_page(kind: Kind, kinds: tuple[Kind, ...]) -> str:
    """The page of `kind`; fields that are another kind's spec point to its page."""
    pages: dict[type[BaseModel], str] = {
        other.spec: f"[{other.kind}]({other.singular}.md)" for other in kinds if other is not kind
    }
    links = dict(linked_fields(kind.spec, "spec", pages)) | dict(linked_fields(kind.status, "status", pages))
    schema = object_schema(kind)
    parts = (
        section(kind.kind, kind.description, _names(kind), level=1),
        section("spec", own_docstring(kind.spec), _fields(schema["properties"]["spec"], "spec", links)),
        section("Rules", _rules_table(schema)),
        section("status", own_docstring(kind.status), _fields(schema["properties"]["status"], "status", links)),
        section("Conditions", _conditions(kind)),
        *_enums(kind),
        section("Columns of `kubectl get`", _columns(kind)),
    )
    return "\n".join(part for part in parts if part)


def _names(kind: Kind) -> str:
    short = ", ".join(code(name) for name in kind.short_names)
    return (
        f"{code(API_VERSION)}, namespaced. In kubectl: {code(kind.plural)}, short {short}, "
        f"with all kinds {code('mlops')}; {code(f'kubectl explain {kind.singular}.spec')}."
    )


def _fields(schema: OpenAPI, path: str, links: Links) -> str:
    def row(field: FieldRow) -> tuple[str, str, str, str]:
        default = code(field.default) if field.default else "required" if field.required else ""
        about = ". ".join(filter(None, (field.description.rstrip("."), "; ".join(field.constraints))))
        return code(field.path), cell(field.type), default, cell(about + "." if about else "")

    rows = [row(field) for field in field_rows(schema, path, links)]
    return table(("field", "type", "default", "meaning and limits"), rows) if rows else ""


def _rules_table(schema: OpenAPI) -> str:
    rows = [(code(path or "."), cell(message), code(rule)) for path, message, rule in rules(schema, "")]
    if not rows:
        return ""
    return "Refused at admission, in these words:\n\n" + table(("where", "message", "rule (CEL)"), rows)


def rules(schema: OpenAPI, path: str) -> Iterator[tuple[str, str, str]]:
    """(path, message, expression) of every CEL rule at any depth."""
    for entry in schema.get("x-kubernetes-validations", ()):
        yield path, entry["message"], entry["rule"]
    for name, inner in schema.get("properties", {}).items():
        yield from rules(inner, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from rules(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from rules(schema["additionalProperties"], f"{path}{{}}")


def _conditions(kind: Kind) -> str:
    module = inspect.getmodule(kind.spec)
    assert module is not None
    own = condition_types(module)
    rows = [(code(name), cell(words)) for name, words in (CONTRACT | own).items()]
    return table(("type", "meaning of `True`"), rows)


def _enums(kind: Kind) -> Iterator[str]:
    module = inspect.getmodule(kind.spec)
    assert module is not None
    for enum in enums_of(module):
        yield section(enum.__name__, own_docstring(enum), _values(member_descriptions(enum)), level=3)


def _values(described: Mapping[str, str]) -> str:
    """A table where a value has words of its own, else one line."""
    if not any(described.values()):
        return ", ".join(map(code, described))
    return table(("value", "meaning"), [(code(value), cell(words)) for value, words in described.items()])


def _columns(kind: Kind) -> str:
    rows = [
        (cell(column.name), code(column.json_path), "with `-o wide`" if column.wide else "")
        for column in kind.printer_columns
    ]
    return table(("column", "shows", ""), rows)
