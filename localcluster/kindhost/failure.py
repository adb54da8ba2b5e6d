# SPDX-License-Identifier: Apache-2.0
"""The cause of a failed `kind create cluster`, without the traces and verbose logs around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest

#: What fits on a screen beside the command and what to do.
LINES = 20
#: A command line of `docker run` has two thousand characters.
WIDTH = 300

_ERROR = re.compile(r"^ERROR: ")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")
#: What kind writes before the output of the command that failed, on the same line.
_OUTPUT = re.compile(r"^Command Output: ")
#: kind's own trace is always the last part.
_KIND_TRACE = re.compile(r"^Stack Trace:")
#: The place of a frame of a Go trace; the line before it is the function.
_FRAME = re.compile(r"^\s+\S+\.(go|s):\d+")
_FUNCTION = re.compile(r"^[\w.\-/*()\[\]{}]+\.[\w.*()\[\]{}]+$|^goroutine \d+ |^created by ")
#: kubeadm is run with verbose logs; its informational lines report progress, not the error.
_INFORMATION = re.compile(r"^I\d{4} \d{2}:\d{2}:\d{2}")


def cause(output: str, *, lines: int = LINES) -> str:
    """The lines of kind's output with the cause of its failure: at most ``lines`` of them.

    The first is kind's own `ERROR`, where there is one; the last ones are nearest to the cause.
    """
    found = list(_without_repetitions(_informative(_after_the_error(output))))
    if len(found) > lines:
        found = [found[0], "…", *found[len(found) - lines + 2 :]]
    return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in found)


def _after_the_error(output: str) -> list[str]:
    """What kind wrote from its `ERROR` on; everything where it wrote none."""
    lines = [_OUTPUT.sub("", line) for line in _COLOR.sub("", output).splitlines()]
    first = next((number for number, line in enumerate(lines) if _ERROR.match(line)), 0)
    end = next((number for number, line in enumerate(lines) if _KIND_TRACE.match(line)), len(lines))
    return lines[first:end] if first < end else lines[first:]


def _informative(lines: list[str]) -> Iterator[str]:
    for line, follower in zip_longest(lines, lines[1:], fillvalue=""):
        is_frame = _FRAME.match(line) or (_FRAME.match(follower) and _FUNCTION.match(line))
        if line.strip() and not is_frame and not _INFORMATION.match(line):
            yield line.rstrip()


def _without_repetitions(lines: Iterable[str]) -> Iterator[str]:
    """Each line once: kubeadm reports the same error several times, and kind repeats it."""
    seen: set[str] = set()
    for line in lines:
        if line.strip() not in seen:
            seen.add(line.strip())
            yield line
