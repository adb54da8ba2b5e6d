# SPDX-License-Identifier: Apache-2.0
"""The picture: what versions are called, who served when, and that it is drawn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.picture import MARKED, draw, names, served
from demo.story import Step, Story
from localcluster.kubectl import Kubectl

START = datetime(2026, 1, 1, tzinfo=UTC)


def lines(*answers: dict[str, int]) -> list[dict[str, Any]]:
    """A line a second: the answers that each version gave within it."""
    total: dict[str, int] = {}
    said = []
    for second, given in enumerate(({}, *answers)):
        total = total | {name: total.get(name, 0) + count for name, count in given.items()}
        rolling = {name: {"n": 200, "accuracy": 0.95} for name in given}
        at = (START + timedelta(seconds=second)).isoformat()
        said.append({"ts": at, "rolling": rolling, "byVersion": total, "sent": sum(total.values()), "failed": 0})
    return said


def step(title: str, *, at: float, **figures: Any) -> Step:
    return Step(title, figures, START.timestamp() + at, 1.0)


def test_versions_are_numbered_as_they_first_answered_and_the_retrained_one_is_named() -> None:
    said = lines({"digits-05df": 20}, {"digits-05df": 10, "digits-14e4": 10}, {"digits-05df": 20})
    steps = [step("Retrain, on evidence", at=1, challenger="digits-14e4"), step("Serve the champion", at=0)]
    assert names(said, steps) == {"digits-05df": "v1", "digits-14e4": "v2 (retrained)"}


def test_spans_are_of_the_version_that_answers() -> None:
    said = lines({"a": 20}, {"a": 19}, {"a": 15, "b": 5}, {}, {"b": 20}, {"a": 20})
    assert served(said) == [
        (0, 2, {"a": 1}),
        (2, 3, {"a": 0.75, "b": 0.25}),
        (4, 5, {"b": 1}),
        (5, 6, {"a": 1}),
    ]


def test_every_mark_is_of_a_step_of_the_story() -> None:
    titles = [title for title, _ in Story(Kubectl(Path("kubectl"), Path("none"))).plot()]
    assert set(MARKED) <= set(titles)
    assert titles[-1] in MARKED


def test_it_is_drawn(tmp_path: Path) -> None:
    steps = [step(title, at=number) for number, title in enumerate(MARKED)]
    draw(lines(*[{"a": 20}] * 5, *[{"b": 20}] * 5), steps, tmp_path / "made" / "picture.png")
    assert (tmp_path / "made" / "picture.png").read_bytes().startswith(b"\x89PNG")
