# SPDX-License-Identifier: Apache-2.0
"""Limits of the machine that kind's nodes run into."""

from pathlib import Path

import pytest

from localcluster.kindhost.limits import ENOUGH, note_few_inotify_instances
from localcluster.progress import Quiet


class Notes(Quiet):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize(("allowed", "told"), [(ENOUGH - 1, True), (ENOUGH, False), (ENOUGH + 1, False)])
def test_too_few_inotify_instances_are_told_with_what_to_do(tmp_path: Path, allowed: int, told: bool) -> None:
    limit = tmp_path / "max_user_instances"
    limit.write_text(f"{allowed}\n")
    notes = Notes()
    note_few_inotify_instances(notes, limit=limit)
    assert bool(notes.told) is told
    assert all(f"fs.inotify.max_user_instances={ENOUGH}" in text and str(allowed) in text for text in notes.told)


def test_a_machine_without_the_limit_is_told_nothing(tmp_path: Path) -> None:
    notes = Notes()
    note_few_inotify_instances(notes, limit=tmp_path / "missing")
    assert notes.told == []
