# SPDX-License-Identifier: Apache-2.0
"""A table of a simulation: how it is made, kept as JSON, and shown as Markdown."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Cell: TypeAlias = str | int | float

HEADER: Final = """\
# How often the decision rules are wrong

Generated from the JSON files beside it by `python -m bench.decisions`, which simulates again what it is given names of
and takes less than ten minutes for all. Shares are of simulated cases that the rules decide through the functions that
are shipped; rules that others use are beside them. What the rules are is in
[gate.md](../../../docs/design/0007-gate.md), [monitoring.md](../../../docs/design/0008-monitoring.md) and
[retraining.md](../../../docs/design/0009-retraining.md).
"""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table.

    Attributes:
        title: what is counted.
        note: how it is simulated, in Markdown.
        columns: heads.
        rows: cells; shares are numbers from 0 to 1.
    """

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How a table is made. `make` is given True for a few repetitions only, to try it."""

    name: str
    make: Callable[[bool], Table]


def save(name: str, table: Table, folder: Path) -> None:
    """Keep a table."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"title": table.title, "note": table.note, "columns": table.columns, "rows": table.rows}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def load(name: str, folder: Path) -> Table | None:
    """The kept table of that name; None where there is none."""
    path = folder / f"{name}.json"
    return Table(**json.loads(path.read_text())) if path.exists() else None


def page(tables: Sequence[tuple[str, Table]]) -> str:
    """All tables as Markdown."""
    return "\n".join([HEADER, *(markdown(name, table) for name, table in tables)])


def markdown(name: str, table: Table) -> str:
    """One table as Markdown."""
    lines = [f"## {name}: {table.title}", "", table.note, ""]
    lines += [f"| {' | '.join(table.columns)} |", f"|{' --- |' * len(table.columns)}"]
    lines += [f"| {' | '.join(_shown(cell) for cell in row)} |" for row in table.rows]
    return "\n".join([*lines, ""])


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:.4g}"
