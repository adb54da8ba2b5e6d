# SPDX-License-Identifier: Apache-2.0
"""What the pods read with the standard library is what the operator's pydantic models describe."""

import dataclasses
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel, ValidationError

from mlops_contract import result
from mlops_contract.document import Document, DocumentInvalidError, Rule
from mlops_contract.limits import DIGEST_PATTERN
from mlops_contract.models import evaluation as evaluation_models
from mlops_contract.models import golden as golden_models
from mlops_contract.models import monitor as monitor_models
from mlops_contract.models import result as result_models
from mlops_contract.models import run as run_models
from mlops_contract.models.base import Section
from mlops_contract.moments import MOMENT_PATTERN
from mlops_contract.requests import evaluation, golden, monitor, run
from mlops_contract.result import NAME_PATTERN

PAIRS: list[tuple[type[Document], type[Section]]] = [
    (evaluation.EvaluationRequest, evaluation_models.EvaluationRequest),
    (monitor.MonitorRequest, monitor_models.MonitorRequest),
    (golden.GoldenCheck, golden_models.GoldenCheck),
    (run.DataInput, run_models.DataInput),
    (run.Holdout, run_models.Holdout),
    (result.Result, result_models.Result),
]
"""Every document as the pods know it and as the operator does."""

NAMED = pytest.mark.parametrize(("document", "model"), PAIRS, ids=[pair[0].__name__ for pair in PAIRS])

BOUNDS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
    "pattern": "pattern",
}
"""Words of JSON Schema, and how `Rule` calls them."""

DOCUMENTS = 1500
"""Random documents of each kind."""

Described = dict[str, Any]


def of_document(cls: type[Document]) -> Described:
    hints = get_type_hints(cls, include_extras=True)
    fields = {}
    for field in dataclasses.fields(cls):
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        described = of_hint(hints[field.name])
        if default is dataclasses.MISSING:
            described["required"] = True
        elif default is not None:
            described["default"] = plain(default)
        fields[camel(field.name)] = described
    return {"type": "object", "fields": fields, "open": cls.ignores_unknown}


def of_hint(hint: Any) -> Described:  # noqa: PLR0911
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        found = of_hint(arguments[0])
        for rule in arguments[1:]:
            values = dataclasses.asdict(rule) if isinstance(rule, Rule) else {}
            found |= {name: value for name, value in values.items() if value is not None and name != "matches"}
        return found
    if origin is Union:
        return of_hint(next(kind for kind in arguments if kind is not type(None)))
    if origin is Literal:
        return {"type": "integer", "ge": arguments[0], "le": arguments[0]}
    if origin is tuple:
        return {"type": "array", "of": of_hint(arguments[0])}
    if origin is dict:
        return {"type": "map", "keys": of_hint(arguments[0]), "of": of_hint(arguments[1])}
    if hint is datetime:
        return {"type": "string", "pattern": MOMENT_PATTERN}
    if issubclass(hint, Document):
        return of_document(hint)
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[hint]}


def of_model(cls: type[BaseModel]) -> Described:
    schema = cls.model_json_schema(by_alias=True)
    return of_schema(schema, schema.get("$defs", {}))


def of_schema(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Described:
    if "$ref" in schema:
        return of_schema(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        kinds = [of_schema(kind, shared) for kind in schema["anyOf"] if kind.get("type") != "null"]
        assert len(kinds) == 1, "a field has one type, or is absent"
        return kinds[0]
    found: Described = {"type": schema["type"]}
    found |= {name: schema[word] for word, name in BOUNDS.items() if word in schema}
    if schema["type"] == "array":
        found["of"] = of_schema(schema["items"], shared)
    elif "properties" in schema:
        found |= {"fields": {}, "open": schema.get("additionalProperties", True)}
        for name, field in schema["properties"].items():
            described = of_schema(field, shared)
            if name in schema.get("required", ()):
                described["required"] = True
            elif field.get("default") is not None:
                described["default"] = field["default"]
            found["fields"][name] = described
    elif schema["type"] == "object":
        # By the pattern of the keys.
        ((pattern, values),) = schema["patternProperties"].items()
        keys = of_schema({"type": "string", "pattern": pattern, **schema.get("propertyNames", {})}, shared)
        found |= {"type": "map", "keys": keys, "of": of_schema(values, shared)}
    return found


def plain(value: Any) -> Any:
    if isinstance(value, Document):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def same(found: Described, wanted: Described, path: str = "") -> Iterator[str]:
    for key in sorted(found.keys() | wanted.keys()):
        ours, theirs = found.get(key), wanted.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict) and key != "default":
            yield from same(ours or {}, theirs or {}, f"{path}.{key}")
        elif isinstance(ours, dict) and isinstance(theirs, dict):
            # A default that is a section: pydantic leaves out what is absent.
            if {k: v for k, v in ours.items() if v is not None} != {k: v for k, v in theirs.items() if v is not None}:
                yield f"{path}.{key}: {ours} in the pods, {theirs} in the operator"
        elif ours != theirs:
            yield f"{path}.{key}: {ours} in the pods, {theirs} in the operator"


@NAMED
def test_fields_bounds_and_defaults_are_the_same(document: type[Document], model: type[Section]) -> None:
    assert list(same(of_document(document), of_model(model))) == []


def test_every_model_is_compared() -> None:
    compared = {section for document, _ in PAIRS for section in sections(document)}
    modules = (evaluation, golden, monitor, run, result)
    there = {cls for module in modules for cls in vars(module).values() if is_document(cls)}
    assert there == compared


def is_document(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Document) and value is not Document


def sections(cls: type[Document]) -> set[type[Document]]:
    """The document and all sections in it."""
    found = {cls}
    for hint in get_type_hints(cls).values():
        for kind in (hint, *get_args(hint)):
            if is_document(kind):
                found |= sections(kind)
    return found


DIGEST = "sha256:" + "a" * 64
SAMPLES: Mapping[str | None, Sequence[Any]] = {
    MOMENT_PATTERN: (
        *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.5Z", "2026-01-03T00:00:00Z"),
        *("2026-01-03t00:00:00.123456789+01:00", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00"),
        "2026-01-01T00:00:00Z\n",
    ),
    DIGEST_PATTERN: (*[DIGEST] * 9, "sha256:" + "A" * 64, DIGEST[:-1], DIGEST + "\n"),
    NAME_PATTERN: (
        *("accuracy", "Güte (5 %)", "a@b.c", "_", "7", "a\u0301"),
        *("-a", "a\n", "", "\u0301a", "\x1b", "x" * 129),
    ),
}
"""Texts that fit a pattern, and some that do not."""

ODD: Sequence[Any] = (None, True, False, "1", 1, 1.0, 1.5, -1, [], {}, "x", 10**400)
"""Values of other types."""


class Writer:
    """Writes random documents: most values keep their rules, some lie at the bounds or beside them, few are odd."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, described: Described) -> Any:
        if self._random.random() < 0.01:
            return self._random.choice(ODD)
        return getattr(self, f"_{described['type']}")(described)

    def _object(self, described: Described) -> Any:
        found = {
            name: self.value(field)
            for name, field in described["fields"].items()
            if self._random.random() < (0.99 if field.get("required") else 0.5)
        }
        return found | ({"unheardOf": 1} if self._random.random() < 0.01 else {})

    def _array(self, described: Described) -> Any:
        return [self.value(described["of"]) for _ in range(self._length(described))]

    def _map(self, described: Described) -> Any:
        return {str(self.value(described["keys"])): self.value(described["of"]) for _ in range(self._length(described))}

    def _length(self, described: Described) -> int:
        if self._random.random() < 0.02 and described.get("max_length", 99) < 20:
            return int(described["max_length"]) + self._random.choice((0, 1))
        return self._random.choice((1, 1, 1, 2, 0))

    def _integer(self, described: Described) -> Any:
        return self._random.choice((*self._edges(described, 1), *[self._inside(described)] * 20))

    def _number(self, described: Described) -> Any:
        return self._random.choice((*self._edges(described, 1e-3), *[float(self._inside(described))] * 20))

    def _inside(self, described: Described) -> Any:
        bounds: Mapping[str, float] = {"ge": 0, "le": 9} | described
        least, most = bounds.get("gt", bounds["ge"]), bounds.get("lt", bounds["le"])
        return least if least == most else (least + most) / 2 if described["type"] == "number" else least + 1

    def _edges(self, described: Described, step: float) -> list[float]:
        bounds = [described[name] for name in ("ge", "gt", "le", "lt") if name in described]
        return [bound + move for bound in bounds for move in (-step, 0, step)]

    def _string(self, described: Described) -> Any:
        if samples := SAMPLES.get(described.get("pattern")):
            return self._random.choice(samples)
        least, most = described.get("min_length", 0), described.get("max_length", 20)
        length = self._random.choice((*[5] * 20, least, most, most + 1, max(0, least - 1)))
        return self._random.choice("abcdeä") * length

    def _boolean(self, _: Described) -> Any:
        return self._random.random() < 0.5


def judged(document: type[Document], model: type[Section], text: str) -> tuple[Any, Any]:
    """The document as both read it; None where it is refused."""
    try:
        ours = document.read(text)
    except DocumentInvalidError:
        ours = None
    try:
        theirs = model.model_validate_json(text, strict=True)
    except ValidationError:
        theirs = None
    return ours, theirs


@NAMED
def test_random_documents_are_judged_alike(document: type[Document], model: type[Section]) -> None:
    writer, described = Writer(1), of_model(model)
    taken = refused = 0
    for _ in range(DOCUMENTS):
        text = json.dumps(writer.value(described))
        ours, theirs = judged(document, model, text)
        assert (ours is None) == (theirs is None), f"{text}: {ours!r} in the pods, {theirs!r} in the operator"
        refused += ours is None
        if ours is None or theirs is None:
            continue
        taken += 1
        # What one writes the other reads, and means the same.
        assert document.read(theirs.model_dump_json(by_alias=True, exclude_none=True)) == ours
        assert (
            document.read(model.model_validate_json(ours.to_json(), strict=True).model_dump_json(by_alias=True)) == ours
        )
    assert min(taken, refused) > DOCUMENTS / 100, (taken, refused)


@NAMED
def test_an_error_names_the_document_the_field_and_the_rule(document: type[Document], model: type[Section]) -> None:
    title = f"the {document.title}"
    if "v" in of_model(model)["fields"]:
        with pytest.raises(DocumentInvalidError, match=rf"{title} is malformed at v: expected 1, found 2"):
            document.read('{"v": 2, "unheardOf": 1}')
    if not document.ignores_unknown:
        with pytest.raises(DocumentInvalidError, match=rf"{title} is malformed at unheardOf: unknown field"):
            document.read('{"unheardOf": 1}')
    with pytest.raises(DocumentInvalidError, match=rf"{title} is malformed at \w+: required, and absent"):
        document.read("{}")
    with pytest.raises(DocumentInvalidError, match="expected an object, found a list"):
        document.read("[]")
    with pytest.raises(DocumentInvalidError, match="it is not JSON"):
        document.read("{")
