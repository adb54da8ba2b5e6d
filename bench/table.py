"""The figures as tables: on the console, and as a page that is generated from the JSON files."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.table import Table

from bench.figures import Spread, rounded
from bench.results import Result
from bench.scenarios.catalog import SCENARIOS
from bench.systems import MLOPS, SYSTEMS
from bench.targets import target

HEADER: Final = """\
# Results of the benchmark

Generated from the JSON files beside it by `python -m bench table`; `python -m bench --help` says how to measure.
What the scenarios and figures mean is in [docs/design/performance.md](../../docs/design/performance.md).

Figures are the median over all repeats, with the least and the greatest in brackets where there was more than one.
Counts come from the API server's audit log and CPU from the kernel's accounting of each process; latencies are between
events on the harness's own watches. The API server, etcd (with fsync), the controller-manager, the stand-in for the
kubelet, the harness and the operator share the machine.
"""


def on_console(result: Result) -> Table:
    """One result, a column for each row of figures."""
    rate = value(result.plain_writes_per_second)
    title = f"{result.scenario}, {SYSTEMS[result.operator].label}; the API server took {rate} plain writes a second"
    shown = Table(title=title, title_justify="left")
    shown.add_column("figure")
    for row in result.rows:
        shown.add_column(row, justify="right")
    for figure in _figures([result]):
        shown.add_row(_words(figure), *(_judged(result, row, figure, good="", bad=" !") for row in result.rows))
    return shown


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
    columns = [(result, row) for result in results for row in result.rows]
    several = len(results) > 1
    heads = [f"{row}, {SYSTEMS[result.operator].label}" if several else row for result, row in columns]
    lines += ["", f"| figure | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(columns)}"]
    for figure in _figures(results):
        cells = [_judged(result, row, figure, good=" ✓", bad=" ✗") for result, row in columns]
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


def _figures(results: Sequence[Result]) -> list[str]:
    """Names of all figures, in the order in which they first come."""
    return list(dict.fromkeys(name for result in results for figures in result.rows.values() for name in figures))


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
