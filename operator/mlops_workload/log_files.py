# SPDX-License-Identifier: Apache-2.0
"""The files of a prediction log, and which of them a window needs.

A file is skipped if it is older than the window both by its modification time and by each of a few
lines that are read from all over it. The modification time alone is not trusted, since a restored
file has an old one. A label may be written at any time, so a file with a label row among these
lines is read.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mlops_workload.files import open_regular
from mlops_workload.prediction_row import MAX_LINE_BYTES, Entry, parse_line

ENDING: Final = ".jsonl"

SLACK_SECONDS: Final = 3600.0
"""How much older than the window a file has to be: writers' clocks differ, and rows are not written in order."""

PROBES: Final = 16
"""Lines of an old file that are read before it is skipped."""


class LogFiles(NamedTuple):
    """Files that are read, in the order of their names, and those that are not.

    Attributes:
        paths: files to read.
        past: number of files that are older than the window.
        foreign: names of files with another ending; hidden files are left out.
        unreadable: names of files that could not be opened, or are links or special files.
    """

    paths: tuple[Path, ...]
    past: int
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]


def find_files(folder: Path, *, since: float) -> LogFiles:
    """The files of the log in `folder` for a window that starts at `since`, in seconds since 1970."""
    paths: list[Path] = []
    foreign: list[str] = []
    unreadable: list[str] = []
    past = 0
    for path in _visible_files(folder):
        if path.suffix != ENDING:
            foreign.append(path.name)
            continue
        try:
            if _is_past(path, since - SLACK_SECONDS):
                past += 1
            else:
                paths.append(path)
        except OSError:
            unreadable.append(path.name)
    return LogFiles(tuple(paths), past, tuple(foreign), tuple(unreadable))


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number, from 1, and content of each line that is not blank; a line that is too long is cut, without its end.

    Raises:
        OSError: the file cannot be read.
    """
    with open_regular(path) as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                rest = line
                while rest and not rest.endswith(b"\n"):
                    rest = stream.readline(MAX_LINE_BYTES)
            if not line.isspace():
                yield number, line


def _visible_files(folder: Path) -> Iterator[Path]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return iter(sorted(found))


def _is_past(path: Path, before: float) -> bool:
    """Whether the file was last written before `before`, and so were all rows that are probed."""
    with open_regular(path) as stream:
        status = os.fstat(stream.fileno())
    if status.st_mtime >= before:
        return False
    return all(_row_is_past(line, before) for line in _probe(path, status.st_size))


def _row_is_past(line: bytes, before: float) -> bool:
    entry = parse_line(line)
    return isinstance(entry, Entry) and entry.predicts and entry.time is not None and entry.time < before


def _probe(path: Path, size: int) -> Iterator[bytes]:
    """The first line, the last one, and some in between."""
    with open_regular(path) as stream:
        yield stream.readline(MAX_LINE_BYTES)
        for step in range(1, PROBES - 1):
            stream.seek(step * size // (PROBES - 1))
            stream.readline(MAX_LINE_BYTES)  # the rest of the line that the offset fell into
            line = stream.readline(MAX_LINE_BYTES)
            if line.strip():
                yield line
        stream.seek(max(0, size - MAX_LINE_BYTES))
        lines = stream.read(MAX_LINE_BYTES).strip().splitlines()
        yield lines[-1] if lines else b""
