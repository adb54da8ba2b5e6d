# SPDX-License-Identifier: Apache-2.0
"""The report at the end of the demonstration: its steps as a table, and commands to explore the result."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from demo.story import NAMESPACE, Step

Figures = dict[str, Any]


def print_table(console: Console, steps: Sequence[Step]) -> None:
    """Print the story, a row a step: what happened, its figures, how long it took."""
    table = Table(title="What happened", title_justify="left", show_lines=False)
    table.add_column("step", style="bold", no_wrap=True)
    table.add_column("what was seen")
    table.add_column("seconds", justify="right")
    for step in steps:
        table.add_row(step.title, _SENTENCES[step.title](step.figures), f"{step.seconds:.1f}")
    console.print(table)


def _gate(figures: Figures) -> str:
    """A gate's verdict with the numbers of each of its rules."""
    return f"gate: {figures['verdict']}; " + "; ".join(_rule(rule) for rule in figures["metrics"])


def _rule(rule: Figures) -> str:
    where = f"on {rule['slice']} rows" if rule.get("slice") else "on all rows"
    text = f"{rule['name']} {where} {_number(rule.get('candidate'))}"
    if rule.get("baseline") is not None:
        text += f" against {_number(rule['baseline'])}"
    if rule.get("lower") is not None and rule.get("upper") is not None:
        text += f", difference in [{rule['lower']:+.3f}, {rule['upper']:+.3f}]"
    return f"{text} (n={rule['n']}, {rule['verdict']})"


def _number(value: float | None) -> str:
    """A metric's value; a rule of too few rows has none."""
    return "without a value" if value is None else f"{value:.3f}"


_SENTENCES: Final[dict[str, Callable[[Figures], str]]] = {
    "Data and Model": lambda f: f"{len(f['digests'])} data sets, pinned by digest",
    "Train the first version": lambda f: f"{f['version']}: accuracy {f['accuracy']:.4f} on {f['rows']} rows",
    "Register it and make it champion": _gate,
    "Serve the champion": lambda f: f"{f['version']} at {f['url']}",
    "Watch the traffic": lambda f: f"live accuracy {f['accuracy']:.3f} (n={f['n']}): breached {f['breached']}",
    "The images shift by one pixel": lambda f: (
        f"live accuracy {f['accuracy']:.3f}, limit {f['limit']} (n={f['n']}): breached {f['breached']}"
    ),
    "Retrain, on evidence": lambda f: (
        f"trigger {f['trigger']}, {len(f['evidence'])} windows as evidence, "
        f"{f['shifted_rows']} newly labeled images, {f['held_out']} requests held out for the gate; {f['challenger']}"
    ),
    "Challenge the champion": _gate,
    "Roll the challenger out": lambda f: (
        f"at {', '.join(f'{weight} %' for weight in f['weights'])} of the traffic, then all; "
        f"live accuracy {f['accuracy']:.3f}; {f['sent']} requests, {f['failed']} failed"
    ),
    "A bad challenger is refused": lambda f: f"{f['phase']}; {_gate(f)}",
    "A version that cannot load is stopped": lambda f: (
        f"{f['reason']}; {f['stable']} serves on, {f['failed_meanwhile']} requests failed meanwhile"
    ),
    "Undo a promotion": lambda f: f"{f['version']} again; {f['sent']} requests, {f['failed']} failed",
    "Promote the better version again": lambda f: (
        f"{f['version']}; live accuracy {f['accuracy']:.3f}; {f['sent']} requests in all, {f['failed']} failed"
    ),
}


def look_around(console: Console, *, kubectl: str, clean_up: str) -> None:
    """Print the commands to explore the result."""
    console.print("\n[bold]Look around[/bold]")
    for command in (
        f"{kubectl} -n {NAMESPACE} get mlops",
        f"{kubectl} -n {NAMESPACE} describe retrainpolicy digits",
        f"{kubectl} -n {NAMESPACE} get promotions -o wide",
        f"{kubectl} -n {NAMESPACE} get events --sort-by=.metadata.creationTimestamp",
        f"{kubectl} -n mlops-system logs deploy/mlops-operator",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False)
    console.print(f"\nWhen done: [bold]{clean_up}[/bold]", soft_wrap=True, highlight=False)
