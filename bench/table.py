# SPDX-License-Identifier: Apache-2.0
"""The figures as tables: on the console, and as a page that is generated from the JSON files."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Final, TypeAlias

from rich.console import Group
from rich.table import Table

from bench.figures import Spread, rounded
from bench.results import Result
from bench.scenarios.catalog import SCENARIOS
from bench.systems import MLOPS, SYSTEMS
from bench.targets import target

Column: TypeAlias = tuple[Result, str]
"""A row of figures of a result, which is a column of the table."""

HEADER: Final = """\
# Results of the benchmark

Generated from the JSON files next to it by `python -m bench table`; `python -m bench --help` lists the options.
What the scenarios and figures mean is in [docs/operations/performance.md](../../docs/operations/performance.md).

Figures are the median over all repeats, with the least and the greatest in brackets where there was more than one.
Counts come from the API server's audit log and CPU from the kernel's accounting of each process; latencies are between
events on the harness's own watches. The API server, etcd (with fsync), the controller-manager, the stand-in for the
kubelet, the harness and the operator share the machine.
"""


def on_console(result: Result) -> Group:
    """One result: a table for each group of rows that have the same figures."""
    rate = value(result.plain_writes_per_second)
    title = f"{result.scenario}, {SYSTEMS[result.operator].label}; the API server took {rate} plain writes a second"
    tables = []
    for columns in _alike([result]):
        shown = Table()
        shown.add_column("figure")
        for _, row in columns:
            shown.add_column(row, justify="right")
        for figure in _figures(columns):
            shown.add_row(_words(figure), *(_judged(*column, figure, good="", bad=" !") for column in columns))
        tables.append(shown)
    return Group(title, *tables)


def markdown(results: Sequence[Result]) -> str:
    """The page."""
    parts = [HEADER]
    for name, group in groupby(results, key=lambda result: result.scenario):
        parts.append(_section(name, sorted(group, key=lambda result: result.operator != MLOPS.name)))
    return "\n".join(parts)


def value(found: Spread) -> str:
    """A figure with its spread."""
    least, most = rounded(found.least), rounded(found.most)
    middle = f"{rounded(found.median):,g}"
    return middle if least == most else f"{middle} ({least:,g} to {most:,g})"


def _section(name: str, results: Sequence[Result]) -> str:
    lines = [f"## {name}: {SCENARIOS[name].title}", ""]
    lines += [_circumstances(result) for result in results]
    for columns in _alike(results):
        heads = [row if result.operator == MLOPS.name else f"{row}, {result.operator}" for result, row in columns]
        lines += ["", f"| figure | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(columns)}"]
        for figure in _figures(columns):
            cells = [_judged(*column, figure, good=" ✓", bad=" ✗") for column in columns]
            lines.append(f"| {_words(figure)} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _circumstances(result: Result) -> str:
    machine, versions = result.machine, result.versions
    repeats = "1 run" if result.repeats == 1 else f"{result.repeats} runs"
    return (
        f"- {SYSTEMS[result.operator].label}: {repeats}, {result.date}, commit {result.commit}; "
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB, "
        f"Linux {machine['linux']}; Kubernetes {versions['kubernetes']}, etcd {versions['etcd']}, "
        f"Python {versions['python']}, kopf {versions['kopf']}. "
        f"The API server took {value(result.plain_writes_per_second)} plain writes a second."
    )


def _alike(results: Sequence[Result]) -> list[list[Column]]:
    """The rows of results, as columns of tables: rows of like figures are beside each other."""
    groups: list[list[Column]] = []
    for result in results:
        for row, figures in result.rows.items():
            column = (result, row)
            group = next((one for one in groups if _overlap(figures, _figures(one))), None)
            if group is None:
                groups.append([column])
            else:
                group.append(column)
    return groups


def _overlap(some: Collection[str], others: Collection[str]) -> bool:
    """Whether at least half of the figures are the same."""
    return 2 * len(set(some) & set(others)) >= min(len(some), len(others))


def _figures(columns: Sequence[Column]) -> list[str]:
    """Names of all figures, in the order in which they first come."""
    return list(dict.fromkeys(name for result, row in columns for name in result.rows[row]))


def _judged(result: Result, row: str, figure: str, *, good: str, bad: str) -> str:
    found = result.rows[row].get(figure)
    if found is None:
        return ""
    bound = target(result.scenario, row, figure) if result.operator == MLOPS.name else None
    if bound is None:
        return value(found)
    return f"{value(found)}; {bound}{good if bound.holds(found.median) else bad}"


def _words(figure: str) -> str:
    return figure.replace("_", " ")
