# SPDX-License-Identifier: Apache-2.0
"""What a campaign showed, as JSON and as a page."""

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.plan import Plan
from tests.faults.run import Outcome

FAULT_IDS = {
    "crash": "F1",
    "lose-reply": "F2",
    "hold": "F3",
    "delay": "F4",
    "repeat": "F5",
    "stale": "F6",
    "bad-watch": "F7",
    "refuse": "F8, F9",
    "slow": "F9",
    "kill-server": "F10",
    "act": "F12, F13",
    "pause": "F15",
    "clock": "F15",
}


@dataclass(frozen=True)
class Row:
    """One kind of fault over all its plans; times in seconds."""

    fault: str
    plans: int
    green: int
    p50: float
    p99: float
    extra_writes: float


def fault_of(plan: Plan) -> str:
    """The kind of a plan's first fault."""
    return plan.faults[0].fault if plan.faults else "none"


def rows(outcomes: Sequence[Outcome], usual: dict[str, int]) -> list[Row]:
    """One row for each kind of fault; `usual` is the number of writes of each path without faults."""
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        found[fault_of(outcome.plan)].append(outcome)
    return [_row(fault, found[fault], usual) for fault in FAULT_IDS if fault in found]


def _row(fault: str, outcomes: Sequence[Outcome], usual: dict[str, int]) -> Row:
    times = sorted(outcome.converged for outcome in outcomes)
    extra = [outcome.writes - usual.get(outcome.plan.path, 0) for outcome in outcomes]
    return Row(
        fault=fault,
        plans=len(outcomes),
        green=sum(not outcome.failures for outcome in outcomes),
        p50=round(statistics.median(times), 1),
        p99=round(times[int(len(times) * 0.99)], 1),
        extra_writes=round(statistics.mean(extra), 1),
    )


def document(
    outcomes: Sequence[Outcome],
    usual: dict[str, int],
    points: dict[str, tuple[int, int]],
    chance: dict[str, list[str]],
) -> dict[str, Any]:
    """The report as JSON.

    Args:
        outcomes: all runs with faults.
        usual: writes of each path without faults.
        points: for each path the crash points covered and found.
        chance: for each path the writes that only some of its runs made.
    """
    unstruck = [outcome.plan.name for outcome in outcomes if not outcome.struck]
    outcomes = [outcome for outcome in outcomes if outcome.struck]
    return {
        "plans": len(outcomes),
        "green": sum(not outcome.failures for outcome in outcomes),
        "points": {path: {"covered": covered, "found": found} for path, (covered, found) in sorted(points.items())},
        "by_chance": chance,
        "unstruck": unstruck,
        "faults": [vars(row) | {"id": FAULT_IDS[row.fault]} for row in rows(outcomes, usual)],
        "paths": dict(sorted(Counter(outcome.plan.path for outcome in outcomes).items())),
        "failures": {outcome.plan.name: outcome.failures for outcome in outcomes if outcome.failures},
    }


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        "# Fault runs",
        "",
        f"{report['green']} of {report['plans']} plans green.",
        "",
        "| fault | | plans | green | converged p50 | p99 | extra writes, mean |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['id']} | {row['fault']} | {row['plans']} | {row['green']} | {row['p50']} s | {row['p99']} s "
        f"| {row['extra_writes']} |"
        for row in report["faults"]
    ]
    chance = report["by_chance"]
    lines += [
        "",
        "| path | crash points covered | found | writes by chance | plans |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {path} | {entry['covered']} | {entry['found']} | {len(chance[path])} | {report['paths'].get(path, 0)} |"
        for path, entry in report["points"].items()
    ]
    if any(chance.values()):
        lines += ["", "## Writes that only some runs make", "", "Nothing was made to strike at these.", ""]
        lines += [f"- {path}: {', '.join(f'`{point}`' for point in found)}" for path, found in chance.items() if found]
    if report["unstruck"]:
        lines += ["", "## Plans whose write came by chance, and not in their run", "", "They are counted nowhere.", ""]
        lines += [f"- `{name}`" for name in report["unstruck"]]
    if report["failures"]:
        lines += ["", "## Failures", ""]
        for name, failures in report["failures"].items():
            lines += [f"- `{name}`", *(f"  - {failure}" for failure in failures)]
    return "\n".join(lines) + "\n"


def write(report: dict[str, Any], folder: Path) -> None:
    """Write `report.json` and `report.md` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (folder / "report.md").write_text(page(report))
