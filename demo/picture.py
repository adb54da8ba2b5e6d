"""The picture of the story: live accuracy over time, with what happened marked on it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")  # no display is needed, and none is looked for

import matplotlib.pyplot as plt  # the backend comes first
from matplotlib.axes import Axes

from demo.story import Step

COLOURS: Final = ("#1b6ca8", "#2a9d4e", "#c8553d", "#7d5ba6")
"""One for each version in the order in which they first answered."""

MARKED: Final = {
    "The images shift by one pixel": "images shift",
    "Retrain, on evidence": "retraining",
    "Challenge the champion": "evaluation",
    "Roll the challenger out": "rollout",
    "A bad challenger is refused": "bad challenger",
    "A version that cannot load is stopped": "broken version",
    "Undo a promotion": "rollback",
}
"""Steps whose beginning is marked, and what the mark says."""


def draw(lines: Sequence[dict[str, Any]], steps: Sequence[Step], path: Path) -> None:
    """Draw the client's rolling accuracy by version, and the share of correct answers over all.

    Args:
        lines: what the client said, one line a second.
        steps: the story's steps; the beginnings of those in `MARKED` are drawn.
        path: the PNG that is written.
    """
    start = _unix(lines[0]["ts"])
    figure, axes = plt.subplots(figsize=(12, 5.2), layout="constrained")
    names = _versions(lines)
    for name, colour in zip(names, COLOURS * len(names), strict=False):
        points = [(_unix(line["ts"]) - start, line["rolling"][name]) for line in lines if name in line["rolling"]]
        enough = [(at, rolling["accuracy"]) for at, rolling in points if rolling["n"] >= 20]
        axes.plot(*_columns(_with_gaps(enough)), color=colour, linewidth=2, label=f"version {name}")
    _mark(axes, steps, start)
    failed = lines[-1]["failed"]
    axes.set(
        title=f"Live accuracy: {lines[-1]['sent']} requests, {failed} failed",
        xlabel="seconds since the client's first request",
        ylabel="accuracy of the last answers",
        ylim=(0.3, 1.17),
        yticks=[0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        xlim=(0, _unix(lines[-1]["ts"]) - start),
    )
    axes.axhline(0.9, color="#888888", linewidth=1, linestyle=":", label="monitor's limit")
    axes.legend(loc="lower left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _mark(axes: Axes, steps: Sequence[Step], start: float) -> None:
    marked = [step for step in steps if step.title in MARKED and step.started >= start]
    for index, step in enumerate(marked):
        at = step.started - start
        axes.axvline(at, color="#444444", linewidth=0.8, linestyle="--", alpha=0.6)
        # Three heights in turn, so that the words of short steps do not run into each other.
        axes.text(at + 1, 1.155 - 0.045 * (index % 3), MARKED[step.title], fontsize=9, va="top")


def _versions(lines: Sequence[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for line in lines:
        names.update(dict.fromkeys(line["rolling"]))
    return list(names)


def _with_gaps(points: Sequence[tuple[float, float]], *, longest: float = 5.0) -> list[tuple[float, float]]:
    """`points` with a NaN wherever a version was silent for `longest` seconds, so that no line bridges it."""
    result: list[tuple[float, float]] = []
    for at, value in points:
        if result and at - result[-1][0] > longest:
            result.append((at, float("nan")))
        result.append((at, value))
    return result


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [at for at, _ in points], [value for _, value in points]


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
