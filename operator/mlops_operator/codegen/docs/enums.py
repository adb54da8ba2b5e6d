# SPDX-License-Identifier: Apache-2.0
"""Enumerations and condition types of a kind's module, with the words that stand under them in the source."""

import ast
import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from types import ModuleType
from typing import Final

from mlops_operator.codegen.crd.descriptions import text

_CONDITION_TYPE: Final = re.compile(r"^[A-Z][A-Za-z]+$")


def enums_of(module: ModuleType) -> Iterator[type[StrEnum]]:
    """The enumerations that `module` itself defines, in the order of the source."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__:
            yield value


def condition_types(module: ModuleType) -> dict[str, str]:
    """Types of conditions, by the constants whose docstring begins with `Condition`, and that docstring.

    One docstring may stand for several constants directly above it.
    """
    found: dict[str, str] = {}
    run: list[str] = []
    for statement in ast.parse(inspect.getsource(module)).body:
        if (value := _string_constant(statement)) is not None:
            run.append(value)
            continue
        words = _docstring(statement)
        if words is not None and words.startswith("Condition"):
            found |= {name: _without_label(words) for name in run if _CONDITION_TYPE.match(name)}
        run = []
    return found


def _string_constant(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        return value if isinstance(value, str) else None
    return None


def _docstring(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        return text(value) if isinstance(value, str) else None
    return None


def _without_label(words: str) -> str:
    """`Condition: the gate passed.` -> `The gate passed.`; a description of several types does not describe one."""
    label, colon, rest = words.partition(": ")
    return rest[:1].upper() + rest[1:] if colon and label == "Condition" else ""
