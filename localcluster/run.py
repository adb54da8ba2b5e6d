"""Run a program to its end and complain in its own words if it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from localcluster.errors import CommandFailed


def run(
    *command: str,
    stdin: str | IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    remedy: str = "see the program's own message above",
) -> str:
    """Standard output of ``command``; :class:`CommandFailed` with its standard error if it fails.

    ``stdin`` is text, or an open file that the program reads itself.
    """
    source: dict[str, object] = {"stdin": subprocess.DEVNULL}
    if isinstance(stdin, str):
        source = {"input": stdin.encode()}
    elif stdin is not None:
        source = {"stdin": stdin}
    result = subprocess.run(list(command), capture_output=True, check=False, env=environment, **source)  # type: ignore[call-overload]
    if result.returncode != 0:
        message = (result.stderr or result.stdout).decode(errors="replace").strip()
        shown = _shown(command)
        raise CommandFailed(f"`{shown}` ended with code {result.returncode}: {message[-2000:]}", remedy=remedy)
    return str(result.stdout.decode(errors="replace"))


def _shown(command: Sequence[str]) -> str:
    text = " ".join(command)
    return text if len(text) <= 200 else text[:200] + " …"
