# SPDX-License-Identifier: Apache-2.0
"""Documents of the contract, read and written with the standard library alone.

A document is a frozen dataclass below `Document`. Its annotations are the rules: types, and bounds as `Rule` in
`Annotated`. What is made, in code or from JSON, keeps them, or is a `DocumentInvalidError` that names the document, the
field and the rule. In JSON a field has its name in camelCase.

The models of `mlops_contract.models` describe the same documents with pydantic, for the operator. A test compares both.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Optional,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from mlops_contract.moments import moment_text, parse_moment
from mlops_contract.text import clean, compact_json, decode_json

MAX_DEPTH = 64
"""Lists and objects within each other that a value without a rule may have: no text exhausts the stack of a reader."""

AnyDocument = TypeVar("AnyDocument", bound="Document")


class DocumentInvalidError(ValueError):
    """A document that does not keep its rules.

    Attributes:
        field: where, as a path with dots; empty for the document as a whole.
        rule: what was expected there, and what was found.
    """

    def __init__(self, document: str, field: str, rule: str) -> None:
        self.field = clean(field, 200)
        self.rule = clean(rule)
        super().__init__(f"the {document} is malformed at {self.field or 'the document'}: {self.rule}")


@dataclasses.dataclass(frozen=True)
class Rule:
    """Bounds of a number, a text, a list or an object; what is None is not bounded.

    Attributes:
        ge: least number.
        gt: number that it must be above.
        le: greatest number.
        lt: number that it must be below.
        min_length: least number of characters or entries.
        max_length: greatest number of characters or entries.
        pattern: regular expression of a text, which is also its schema's.
        matches: whether a text fits the pattern, where `re` does not know the expression.
    """

    ge: Optional[float] = None
    gt: Optional[float] = None
    le: Optional[float] = None
    lt: Optional[float] = None
    min_length: Optional[int] = None
    max_length: Optional[int] = None
    pattern: Optional[str] = None
    matches: Optional[Callable[[str], bool]] = None

    def problem(self, value: Any) -> str:
        """The rule that the value breaks; empty where it keeps all."""
        return self._number_problem(value) if isinstance(value, (int, float)) else self._length_problem(value)

    def _number_problem(self, value: float) -> str:
        broken = (
            (self.ge is not None and value < self.ge, f"at least {self.ge}"),
            (self.gt is not None and value <= self.gt, f"more than {self.gt}"),
            (self.le is not None and value > self.le, f"at most {self.le}"),
            (self.lt is not None and value >= self.lt, f"less than {self.lt}"),
        )
        return next((f"expected {rule}, found {value}" for is_broken, rule in broken if is_broken), "")

    def _length_problem(self, value: Any) -> str:
        unit = "characters" if isinstance(value, str) else "entries"
        if self.min_length is not None and len(value) < self.min_length:
            return f"expected at least {self.min_length} {unit}, found {len(value)}"
        if self.max_length is not None and len(value) > self.max_length:
            return f"expected at most {self.max_length} {unit}, found {len(value)}"
        if self.pattern is not None and not (self.matches or self._matches)(value):
            return f"expected a text of the form {self.pattern}, found {clean(value, 80)!r}"
        return ""

    def _matches(self, value: str) -> bool:
        # `$` of `re` allows a line break at the end, which that of a schema does not.
        return re.search(re.sub(r"\$$", r"\\Z", self.pattern or ""), value) is not None


@dataclasses.dataclass(frozen=True)
class Document:
    """A document or a section of one.

    `title` names it in errors. Fields that it does not have are an error, unless `ignores_unknown`: a reader of what
    others write takes documents of newer writers. `finite` states whether NaN may
    not stand in values without a rule, `camel` whether fields have names in camelCase in JSON.
    """

    title: ClassVar[str] = "document"
    ignores_unknown: ClassVar[bool] = False
    finite: ClassVar[bool] = True
    camel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, hint in _hints(type(self)).items():
            field = _in_json(type(self), name)
            try:
                value = _checked(hint, getattr(self, name), field)
            except _BrokenRuleError as broken:
                raise DocumentInvalidError(self.title, broken.field, broken.rule) from None
            object.__setattr__(self, name, value)
        if problem := self.problem():
            raise DocumentInvalidError(self.title, "", problem)

    def problem(self) -> str:
        """What is wrong between several fields, each of which keeps its rules; empty where nothing is."""
        return ""

    @classmethod
    def read(cls: type[AnyDocument], text: str | bytes) -> AnyDocument:
        """The document in a JSON text.

        Raises:
            DocumentInvalidError: it is not JSON, or does not keep the rules.
        """
        try:
            decoded = text.decode() if isinstance(text, bytes) else text
            value = decode_json(decoded, finite=cls.finite)
        except ValueError as error:
            raise DocumentInvalidError(cls.title, "", f"it is not JSON: {clean(str(error))}") from None
        return cls.of(value)

    @classmethod
    def of(cls: type[AnyDocument], value: Any) -> AnyDocument:
        """The document in a value of JSON.

        Raises:
            DocumentInvalidError: it does not keep the rules.
        """
        try:
            return _section(cls, value, "")
        except _BrokenRuleError as broken:
            raise DocumentInvalidError(cls.title, broken.field, broken.rule) from None

    def to_dict(self, *, with_absent: bool = True) -> dict[str, Any]:
        """The document as a value of JSON, with all defaults; `with_absent`: also fields that are None."""
        names = sorted((field.name for field in dataclasses.fields(self)), key=lambda name: name != "v")
        found = {_in_json(type(self), name): _plain(getattr(self, name), with_absent) for name in names}
        return {name: value for name, value in found.items() if with_absent or value is not None}

    def to_json(self) -> str:
        """The document as compact JSON, without fields that are None."""
        return compact_json(self.to_dict(with_absent=False))

    def replaced(self: AnyDocument, **changes: Any) -> AnyDocument:
        """The document with other values in some fields."""
        return dataclasses.replace(self, **changes)


class _BrokenRuleError(ValueError):
    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule)
        self.field = field
        self.rule = rule


def _in_json(cls: type[Document], name: str) -> str:
    """The name of a field in JSON: `min_count` is `minCount`."""
    if not cls.camel:
        return name
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


_HINTS: Final[dict[type, Mapping[str, Any]]] = {}
"""The types of each document's fields: evaluating annotations takes a while."""


def _hints(cls: type[Document]) -> Mapping[str, Any]:
    if cls not in _HINTS:
        hints = get_type_hints(cls, include_extras=True)
        _HINTS[cls] = {field.name: hints[field.name] for field in dataclasses.fields(cls)}
    return _HINTS[cls]


def _section(cls: type[AnyDocument], value: Any, path: str) -> AnyDocument:
    if not isinstance(value, dict):
        raise _BrokenRuleError(path, f"expected an object, found {_kind(value)}")
    fields = {_in_json(cls, field.name): field for field in dataclasses.fields(cls)}
    version = fields.get("v")
    if version is not None and "v" in value:
        # First: what another version has is not to be called an unknown field.
        _checked(_hints(cls)["v"], value["v"], _join(path, "v"))
    if not cls.ignores_unknown and (unknown := sorted(set(value) - set(fields))):
        raise _BrokenRuleError(_join(path, unknown[0]), f"unknown field; the {cls.title} has {', '.join(fields)}")
    arguments = {}
    for name, field in fields.items():
        if name in value:
            arguments[field.name] = _checked(_hints(cls)[field.name], value[name], _join(path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _BrokenRuleError(_join(path, name), "required, and absent")
    try:
        return cls(**arguments)
    except DocumentInvalidError as error:
        raise _BrokenRuleError(_join(path, error.field), error.rule) from None


def _checked(hint: Any, value: Any, path: str) -> Any:
    """The value as the type `hint` has it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        found = _checked(arguments[0], value, path)
        for rule in arguments[1:]:
            if isinstance(rule, Rule) and found is not None and (problem := rule.problem(found)):
                raise _BrokenRuleError(path, problem)
        return found
    if origin is Union:
        return (
            None if value is None else _checked(next(kind for kind in arguments if kind is not type(None)), value, path)
        )
    if origin is Literal:
        if type(value) is not type(arguments[0]) or value not in arguments:
            raise _BrokenRuleError(path, f"expected {' or '.join(map(repr, arguments))}, found {_shown(value)}")
        return value
    if origin in {tuple, list}:
        entries = _listed(value, path)
        checked = (_checked(arguments[0], entry, _join(path, place)) for place, entry in enumerate(entries))
        return tuple(checked) if origin is tuple else list(checked)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _BrokenRuleError(path, f"expected an object, found {_kind(value)}")
        return {
            _checked(arguments[0], key, _join(path, key)): _checked(arguments[1], entry, _join(path, key))
            for key, entry in value.items()
        }
    return _checked_plain(hint, value, path)


def _checked_plain(hint: Any, value: Any, path: str) -> Any:
    if hint is Any:
        return _bounded(value, path)
    if hint is datetime:
        return _moment(value, path)
    if isinstance(hint, type) and issubclass(hint, Document):
        return value if isinstance(value, hint) else _section(hint, value, path)
    wanted = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}[hint]
    if not isinstance(value, (int, float) if hint is float else hint) or (isinstance(value, bool) and hint is not bool):
        raise _BrokenRuleError(path, f"expected {wanted}, found {_kind(value)}")
    if isinstance(value, str):
        return _text(value, path)
    return _finite(value, path) if hint is float else value


def _text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _BrokenRuleError(path, "expected valid Unicode, found a lone surrogate") from None
    return text


def _finite(value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _BrokenRuleError(path, "expected a finite number, found NaN or an infinity")
    return number


def _moment(value: Any, path: str) -> datetime:
    found = parse_moment(value) if isinstance(value, str) else value
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise _BrokenRuleError(path, f"expected a time such as 2026-01-31T12:00:00Z, found {_shown(value)}")
    return found


def _listed(value: Any, path: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise _BrokenRuleError(path, f"expected a list, found {_kind(value)}")
    return value


def _bounded(value: Any, path: str) -> Any:
    """The value, unless it nests too deeply."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [
            entry.values() if isinstance(entry, dict) else entry
            for entry in level
            if isinstance(entry, (dict, list, tuple))
        ]
        if not inner:
            return value
        level = [entry for entries in inner for entry in entries]
    raise _BrokenRuleError(path, f"expected at most {MAX_DEPTH} lists and objects within each other, found more")


def _plain(value: Any, with_absent: bool) -> Any:
    if isinstance(value, Document):
        return value.to_dict(with_absent=with_absent)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, (list, tuple)):
        return [_plain(entry, with_absent) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry, with_absent) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _join(path: str, name: object) -> str:
    return ".".join(filter(None, (path, str(name))))


def _kind(value: Any) -> str:
    kinds = ((type(None), "null"), (bool, "true or false"), (str, "a text"), ((int, float), "a number"))
    named = next((name for kind, name in kinds if isinstance(value, kind)), None)
    return named or ("a list" if isinstance(value, (list, tuple)) else "an object")


def _shown(value: Any) -> str:
    return repr(clean(value, 80)) if isinstance(value, str) else clean(repr(value), 80)
