# SPDX-License-Identifier: Apache-2.0
"""The picture of the story: live accuracy over time, which version served when, and what happened."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")  # no display is needed, and none is looked for

import matplotlib.pyplot as plt  # the backend comes first
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from demo.story import Step

COLOURS: Final = ("#1b6ca8", "#2a9d4e", "#c8553d", "#7d5ba6")
"""One for each version in the order in which they first answered."""

SHADE: Final = 0.16
"""Opacity of the background where one version gives all answers."""

MARKED: Final = {
    "The images shift by one pixel": "images shift",
    "Retrain, on evidence": "retraining",
    "Challenge the champion": "evaluation",
    "Roll the challenger out": "rollout",
    "A bad challenger is refused": "bad challenger",
    "A version that cannot load is stopped": "broken version",
    "Undo a promotion": "rollback",
    "Promote the better version again": "promoted again",
}
"""Steps whose beginning is marked, with the text of the mark."""

Line = Mapping[str, Any]
"""The client's output of one second; see `Story.client_lines`."""


def draw(lines: Sequence[Line], steps: Sequence[Step], path: Path) -> None:
    """Draw the client's rolling accuracy by version, on a background of which version answered.

    Args:
        lines: the client's output, one line a second.
        steps: the story's steps; the beginnings of those in `MARKED` are drawn.
        path: the PNG that is written.
    """
    start = _unix(lines[0]["ts"])
    figure, axes = plt.subplots(figsize=(12, 5.2), layout="constrained")
    labels = names(lines, steps)
    colours = dict(zip(labels, COLOURS * len(labels), strict=False))
    for name, label in labels.items():
        points = [(_unix(line["ts"]) - start, line["rolling"][name]) for line in lines if name in line["rolling"]]
        enough = [(at, rolling["accuracy"]) for at, rolling in points if rolling["n"] >= 20]
        axes.plot(*_columns(_with_gaps(enough)), color=colours[name], linewidth=2, label=label)
    for begin, end, shares in served(lines):
        for name, share in shares.items():
            axes.axvspan(begin, end, color=colours[name], alpha=SHADE * share, linewidth=0)
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
    handles, texts = axes.get_legend_handles_labels()
    shades = [Patch(color=colours[name], alpha=SHADE) for name in labels]
    serving = [f"{label} serves" for label in labels.values()]
    axes.legend([*handles, *shades], [*texts, *serving], loc="lower left", ncols=2, framealpha=0.8, edgecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def names(lines: Sequence[Line], steps: Sequence[Step]) -> dict[str, str]:
    """What each version that answered is called, by its name, in the order in which they first did.

    A version that the policy's training made is distinguished from the others.
    """
    retrained = {step.figures.get("challenger") for step in steps}
    order = dict.fromkeys(name for line in lines for name in line["byVersion"])
    return {
        name: f"v{number}{' (retrained)' if name in retrained else ''}" for number, name in enumerate(order, start=1)
    }


def served(lines: Sequence[Line]) -> list[tuple[float, float, dict[str, float]]]:
    """Begin and end, in seconds from the first line, and the share of the answers that each version gave.

    Neighboring seconds of the same one version are one span; a second without an answer has none.
    """
    start = _unix(lines[0]["ts"])
    spans: list[tuple[float, float, dict[str, float]]] = []
    for before, after in pairwise(lines):
        counts = {name: count - before["byVersion"].get(name, 0) for name, count in after["byVersion"].items()}
        total = sum(counts.values())
        shares = {name: count / total for name, count in counts.items() if count}
        begin, end = _unix(before["ts"]) - start, _unix(after["ts"]) - start
        if spans and spans[-1][2] == shares:
            spans[-1] = (spans[-1][0], end, shares)
        elif shares:
            spans.append((begin, end, shares))
    return spans


def _mark(axes: Axes, steps: Sequence[Step], start: float) -> None:
    marked = [step for step in steps if step.title in MARKED and step.started >= start]
    for index, step in enumerate(marked):
        at = step.started - start
        axes.axvline(at, color="#444444", linewidth=0.8, linestyle="--", alpha=0.6)
        # Three alternating heights, so that the words of short steps do not run into each other.
        axes.text(at + 1, 1.155 - 0.045 * (index % 3), MARKED[step.title], fontsize=9, va="top")


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
