# SPDX-License-Identifier: Apache-2.0
"""The words for `kubectl explain` and the reference: docstrings of models, fields, types and enum members."""

import ast
import functools
import inspect
import itertools
import textwrap
from enum import Enum
from types import ModuleType

from mlops_operator.api import conditions, reasons, schema
from mlops_operator.api.kind import Kind


def text(docstring: str | None) -> str:
    """A docstring as running text: paragraphs are kept, line breaks inside them are not."""
    if not docstring:
        return ""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def own_docstring(cls: type) -> str:
    """The class's own docstring: an inherited one would describe something else."""
    return text(cls.__dict__.get("__doc__"))


def type_description(annotation: object) -> str:
    """The docstring under the constrained type in `api/schema.py` that `annotation` is, else nothing."""
    return _type_descriptions().get(id(annotation), "")


@functools.cache
def _type_descriptions() -> dict[int, str]:
    found = assignment_docstrings(ast.parse(_source(schema)).body)
    return {id(getattr(schema, name)): words for name, words in found.items()}


def _source(module: ModuleType) -> str:
    return inspect.getsource(module)


def assignment_docstrings(body: list[ast.stmt]) -> dict[str, str]:
    """The strings that directly follow assignments to a name, by that name."""
    found: dict[str, str] = {}
    for statement, following in itertools.pairwise(body):
        target = _target(statement)
        if (
            target is not None
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            found[target] = text(following.value.value)
    return found


def _target(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def member_descriptions(enum: type[Enum]) -> dict[str, str]:
    """The docstrings under the members of `enum`, by the members' values; without one, the words are empty.

    A member that aliases a constant of `api/reasons.py` has the words of that, and then its own.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(enum)))
    definition = tree.body[0]
    assert isinstance(definition, ast.ClassDef)
    own = assignment_docstrings(definition.body)
    shared = {
        target: _shared_reasons()[statement.value.attr]
        for statement in definition.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Attribute)
        and (target := _target(statement)) is not None
    }
    return {
        str(member.value): " ".join(filter(None, (shared.get(member.name), own.get(member.name)))) for member in enum
    }


@functools.cache
def _shared_reasons() -> dict[str, str]:
    return assignment_docstrings(ast.parse(_source(reasons)).body)


def reason_descriptions(kind: Kind) -> dict[str, str]:
    """What each reason of the kind's conditions means, in the order of the source; last the one that all kinds have."""
    every = assignment_docstrings(ast.parse(_source(conditions)).body)
    return {**member_descriptions(kind.reasons), conditions.INTERNAL_ERROR: every["INTERNAL_ERROR"]}
