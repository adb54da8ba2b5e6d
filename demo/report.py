"""What the demonstration says at its end: the story as a table, and where to look further."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.story import NAMESPACE, Step


def table(steps: Sequence[Step]) -> Table:
    """The story, a row a step: what happened, its figures, how long it took."""
    result = Table(title="What happened", title_justify="left", show_lines=False)
    result.add_column("step", style="bold")
    result.add_column("what was seen")
    result.add_column("seconds", justify="right")
    for step in steps:
        result.add_row(step.title, _words(step.figures), f"{step.seconds:.1f}")
    return result


def _words(figures: dict[str, Any]) -> str:
    parts = [f"{name} {_value(value)}" for name, value in figures.items() if _told(value)]
    parts += [_rule(rule) for rule in figures.get("metrics", ())]
    return ", ".join(parts)


def _told(value: Any) -> bool:
    return isinstance(value, str | int | float | list) and not (
        isinstance(value, list) and value and isinstance(value[0], dict)
    )


def _value(value: Any) -> str:
    return f"{value:.4f}".rstrip("0") if isinstance(value, float) else str(value)


def _rule(rule: dict[str, Any]) -> str:
    where = f" on {rule['slice']}" if rule.get("slice") else ""
    text = f"{rule['name']}{where}: {_value(rule['candidate'])}" if rule.get("candidate") is not None else rule["name"]
    if rule.get("baseline") is not None:
        text += f" against {_value(rule['baseline'])}"
    if rule.get("lower") is not None:
        text += f", difference in [{_value(rule['lower'])}, {_value(rule['upper'])}]"
    return f"{text} (n={rule.get('n')}, {rule['verdict']})"


def look_around(console: Console, *, kubectl: str) -> None:
    """Print the commands with which a person looks further."""
    console.print("\n[bold]Look around[/bold]")
    for command in (
        f"{kubectl} -n {NAMESPACE} get mlops",
        f"{kubectl} -n {NAMESPACE} describe retrainpolicy digits",
        f"{kubectl} -n {NAMESPACE} get promotions -o wide",
        f"{kubectl} -n {NAMESPACE} get events --sort-by=.metadata.creationTimestamp",
        f"{kubectl} -n mlops-system logs deploy/mlops-operator",
    ):
        console.print(f"  {command}", soft_wrap=True, highlight=False)
    console.print("\nWhen done: [bold]make clean-cluster[/bold]")
