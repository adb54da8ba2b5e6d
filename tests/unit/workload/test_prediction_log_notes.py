# SPDX-License-Identifier: Apache-2.0
"""What is said of a prediction log, and how much of it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mlops_workload.log_files import LogFiles
from mlops_workload.prediction_log import LogWindow, Skipped
from mlops_workload.prediction_log_notes import notes
from mlops_workload.prediction_row import Problem


def said(**skipped: Any) -> list[str]:
    return list(notes(LogWindow((), 0, Skipped(**skipped), ""), version="a"))


def files(*, paths: int = 0, past: int = 0, foreign: int = 0, unreadable: int = 0) -> LogFiles:
    names = tuple(f"{number}.csv" for number in range(9))
    return LogFiles(tuple(map(Path, names[:paths])), past, names[:foreign], names[:unreadable])


@pytest.mark.parametrize(
    ("count", "names"), [(1, "0.csv"), (3, "0.csv, 1.csv, 2.csv"), (4, "0.csv, 1.csv, 2.csv, ...")]
)
def test_three_names_are_shown(count: int, names: str) -> None:
    number = f"{count} file{'' if count == 1 else 's'}"
    assert said(files=files(foreign=count)) == [f"{number} without the ending .jsonl: {names}"]
    assert said(files=files(unreadable=count)) == [f"{number} not readable: {names}"]
    versions = Counter({f"v{index}": 9 - index for index in range(count)})
    (note,) = [entry for entry in said(versions=versions) if "versions" in entry]
    assert note.count('"v') == min(count, 3)


@pytest.mark.parametrize(
    ("kept", "empty"),
    [
        ({}, True),
        ({"paths": 1}, False),
        ({"past": 1}, False),
        ({"foreign": 1}, False),
        ({"unreadable": 1}, False),
    ],
)
def test_a_folder_without_files_is_named(kept: dict[str, int], empty: bool) -> None:
    assert ("the folder holds no files" in said(files=files(**kept))) is empty


def test_the_six_most_frequent_reasons_are_named_the_most_frequent_first() -> None:
    problems = dict(zip(list(Problem)[:8], (3, 8, 1, 7, 2, 6, 5, 4), strict=True))
    found = said(problems=Counter(problems), places=dict.fromkeys(Problem, "log.jsonl:1"))
    assert [int(note.split()[0]) for note in found] == [8, 7, 6, 5, 4, 3]


@pytest.mark.parametrize(("length", "kept"), [(238, 238), (239, 238)])
def test_a_note_has_at_most_240_bytes_as_json(length: int, kept: int) -> None:
    sentence = f"1 row: {Problem.NO_TIME.value} (first: )"
    found = said(problems=Counter({Problem.NO_TIME: 1}), places={Problem.NO_TIME: "x" * (length - len(sentence))})
    assert [len(note) for note in found if "ts" in note] == [kept]


def test_characters_that_cannot_be_printed_are_replaced() -> None:
    found = said(problems=Counter({Problem.NO_TIME: 1}), places={Problem.NO_TIME: "a\nb\x1b:1"})
    assert f"1 row: {Problem.NO_TIME.value} (first: a?b?:1)" in found
