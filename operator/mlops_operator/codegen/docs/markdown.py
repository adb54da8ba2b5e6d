# SPDX-License-Identifier: Apache-2.0
"""The few pieces of Markdown that the reference is made of."""

from collections.abc import Iterable, Sequence


def code(text: str) -> str:
    """`text` in code font; quoted so that it stays one cell of a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def cell(text: str) -> str:
    """Running text as a cell of a table: one line, no column borders, and no tags outside code font."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    return "`".join(part.replace("<", "&lt;") if index % 2 == 0 else part for index, part in enumerate(parts))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def section(title: str, *paragraphs: str, level: int = 2) -> str:
    """A heading and its content; empty if there is no content."""
    said = [paragraph.strip("\n") for paragraph in paragraphs if paragraph.strip()]
    return "\n\n".join((f"{'#' * level} {title}", *said)) + "\n" if said else ""
