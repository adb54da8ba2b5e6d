# SPDX-License-Identifier: Apache-2.0
"""What was not used of a prediction log, in sentences for the monitor's status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from mlops_workload.prediction_log import LogWindow, Skipped

MAX_NOTES: Final = 6
MAX_NOTE_BYTES: Final = 240
"""Bounds that leave room for the figures in a termination message; each note is encoded as JSON there."""

SHOWN: Final = 3
"""Names that a note gives as examples."""


def notes(window: LogWindow, *, version: str | None) -> tuple[str, ...]:
    """One sentence for each reason, the most frequent first; those that are normal only if the window is empty.

    Args:
        window: what was read.
        version: the model version that was asked for.
    """
    counted = [*_problems(window.skipped), *_rows(window, version), *_files(window)]
    ordered = sorted(counted, key=lambda entry: -entry[0])
    return tuple(_cut(sentence) for _, sentence in ordered[:MAX_NOTES])


def _problems(skipped: Skipped) -> Iterator[tuple[int, str]]:
    for problem, count in skipped.problems.items():
        yield count, f"{_number(count, 'row')}: {problem.value} (first: {skipped.places[problem]})"


def _rows(window: LogWindow, version: str | None) -> Iterator[tuple[int, str]]:
    skipped = window.skipped
    if skipped.versions:
        names = ", ".join(f'"{name}" {count:,}' for name, count in skipped.versions.most_common(SHOWN))
        count = skipped.other_versions
        yield count, f"{_number(count, 'row')} of other model versions ({names}), expected {version}"
    unanswered = window.unanswered
    if unanswered and unanswered == len(window.rows) + skipped.unattributed:
        yield unanswered, f"{_number(unanswered, 'request')} without an answer (the prediction is null or NaN)"
    if skipped.zoneless:
        yield skipped.zoneless, f"{_number(skipped.zoneless, 'row')}: ts has no offset from UTC and was read as UTC"
    if skipped.conflicting:
        yield skipped.conflicting, f"{_number(skipped.conflicting, 'id')} with different labels: the latest counts"
    if skipped.outside and not window.rows:
        times = f"{_moment(skipped.earliest)} to {_moment(skipped.latest)}"
        yield skipped.outside, f"{_number(skipped.outside, 'row')} outside of the window, at {times}"
    if skipped.unmatched and not any(row.label is not None for row in window.rows):
        yield skipped.unmatched, f"{_number(skipped.unmatched, 'label row')} whose id no request of the window has"


def _files(window: LogWindow) -> Iterator[tuple[int, str]]:
    files = window.skipped.files
    if files.foreign:
        yield (
            len(files.foreign),
            f"{_number(len(files.foreign), 'file')} without the ending .jsonl: {_names(files.foreign)}",
        )
    if files.unreadable:
        yield (
            len(files.unreadable),
            f"{_number(len(files.unreadable), 'file')} not readable: {_names(files.unreadable)}",
        )
    if not window.rows and files.past:
        yield files.past, f"{_number(files.past, 'file')} not read: written before the window, as were the rows in it"
    if not window.rows and not (files.paths or files.past or files.foreign or files.unreadable):
        yield 0, "the folder holds no files"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:.0f}"


def _cut(sentence: str) -> str:
    """The sentence without control characters, short enough for the message as JSON."""
    text = "".join(character if character.isprintable() else "?" for character in sentence)
    while len(json.dumps(text, ensure_ascii=False).encode()) > MAX_NOTE_BYTES:
        text = text[:-1]
    return text
