# SPDX-License-Identifier: Apache-2.0
"""The demonstration's words and picture, from figures like those of a real run."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from demo import picture, report
from demo.story import Step, Story
from localcluster.kubectl import Kubectl

RULE = {
    "name": "accuracy",
    "slice": None,
    "verdict": "Pass",
    "candidate": 0.9755,
    "baseline": 0.706,
    "difference": 0.2695,
    "lower": 0.2416,
    "upper": 0.2984,
    "n": 898,
}
LINE = {"sent": 40, "failed": 0, "shift": 0, "byVersion": {"digits-1": 40}}


def test_every_step_of_the_story_has_a_sentence() -> None:
    story = Story(Kubectl(Path("kubectl"), Path("kubeconfig")))
    assert [title for title, _ in story.plot()] == list(report._SENTENCES)


def test_a_gate_is_told_with_its_numbers() -> None:
    console = Console(file=StringIO(), width=200)
    report.print_table(console, [Step("Challenge the champion", {"verdict": "Pass", "metrics": [RULE]}, 0.0, 12.34)])
    text = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "accuracy on all rows 0.976 against 0.706, difference in [+0.242, +0.298] (n=898, Pass)" in text
    assert "12.3" in text


def test_the_picture_is_a_png_with_the_events_on_it(tmp_path: Path) -> None:
    lines = [
        {**LINE, "ts": f"2026-01-01T00:00:{second:02d}+00:00", "rolling": {"digits-1": {"n": 40, "accuracy": 0.9}}}
        for second in range(20)
    ]
    path = tmp_path / "made" / "digits.png"
    picture.draw(lines, [Step("The images shift by one pixel", {}, 1767225610.0, 5.0)], path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000
