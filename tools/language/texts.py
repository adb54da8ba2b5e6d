# SPDX-License-Identifier: Apache-2.0
"""The prose of a file: comments and strings of Python, whole files otherwise."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SUFFIXES: Final = frozenset((".py", ".md", ".yaml", ".tpl", ".txt", ".sh", ".toml", ".json", ".in", ".mk", ".go"))
NAMES: Final = frozenset(("Makefile", "Containerfile"))

GENERATED: Final = ("crds/", "helm/mlops-operator-crds/templates/crds/", "helm/kustomize/base/", "docs/reference/")
"""Folders of generated files: their words come from the sources."""

EXEMPT: Final = ("tools/language/", "tests/unit/repository/test_language.py")
"""The deny-list itself."""

_TEXT: Final = frozenset((tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)))


def has_prose(path: str) -> bool:
    """Whether the tracked file `path`, relative to the repository, is scanned."""
    file = Path(path)
    if path.startswith((*GENERATED, *EXEMPT)) or path.endswith(".lock.txt"):
        return False
    return file.suffix in SUFFIXES or file.name in NAMES


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file, each with its first line.

    Raises:
        tokenize.TokenError: the file is no valid Python.
    """
    content = path.read_text()
    if path.suffix != ".py":
        yield 1, content
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in _TEXT and (token.type == tokenize.COMMENT or " " in token.string):
            yield token.start[0], _without_expressions(token.string)


def _without_expressions(text: str) -> str:
    """`text`, if it is an f-string without its expressions; lines are kept."""
    if not re.match(r"(?i)r?f", text):
        return text
    return re.sub(r"\{[^{}]*\}", lambda found: "{}" + "\n" * found.group().count("\n"), text)
