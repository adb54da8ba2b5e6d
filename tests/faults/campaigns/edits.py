# SPDX-License-Identifier: Apache-2.0
"""One change of a spec, and what has to come of it."""

import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from mlops_operator.api.meta import Manifest
from tests.integration.crd_cases.mutations import Path


class Expect(StrEnum):
    """What the API server and the operator have to make of a spec."""

    REFUSED = "refused"
    """4xx at admission, and the field is named."""
    TOLD = "told"
    """Taken, and told by a condition with this reason that names the field or the rule."""
    EITHER = "either"
    """Refused with the field named; or taken, and either well or told by a condition that names it."""
    WELL = "well"
    """Taken, and well."""


class _Absent:
    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = _Absent()
"""Stands for a field that is removed."""


@dataclass(frozen=True)
class Edit:
    """One field, or a few, made to be something else.

    Attributes:
        spec: the whole spec with it.
        field: path of the field as the API server writes it.
        why: what is special about the value.
        expect: what has to come of it.
        reasons: for `TOLD`, reasons of the condition that will do.
        says: what the condition's message must have; of several words one is enough.
        live: False where the value is only shown to admission: a thousand pods, or a Job every few seconds.
    """

    spec: Manifest
    field: str
    why: str
    expect: Expect
    reasons: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    live: bool = True


def replaced(spec: Manifest, path: Path, value: Any) -> Any:
    """A copy of `spec` with `value` at `path`; what is missing on the way there is made."""
    if not path:
        return value
    copied: Any = copy.deepcopy(spec)
    inner = copied
    for part in path[:-1]:
        inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
    if value is ABSENT:
        inner.pop(path[-1], None)
    else:
        inner[path[-1]] = value
    return copied


def at(spec: Manifest, path: Path) -> Any:
    """What is at `path`; ABSENT where nothing is."""
    inner: Any = spec
    for part in path:
        if isinstance(inner, dict) and part not in inner:
            return ABSENT
        inner = inner[part]
    return inner


def text(path: Path) -> str:
    """A path as the API server writes it, e.g. `spec.env[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in ("spec", *path)).lstrip(".")
