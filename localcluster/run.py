# SPDX-License-Identifier: Apache-2.0
"""Run a program to its end and complain in its own words if it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from localcluster.errors import CommandFailed

#: Where system programs are, which the PATH of an ordinary user, of sudo or of cron may leave out.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path() -> str:
    """PATH with the folders of system programs in it."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), *_SYSTEM_FOLDERS]
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder))


def system_environment() -> dict[str, str]:
    """Our environment with that PATH: for programs that call system programs themselves."""
    return {**os.environ, "PATH": search_path()}


def run(
    *command: str,
    stdin: str | IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    remedy: str = "see the program's own message above",
) -> str:
    """Standard output of ``command``; :class:`CommandFailed` with its standard error if it fails.

    ``stdin`` is text, or an open file that the program reads itself; ``environment`` is added to that of this process.
    """
    source: dict[str, object] = {"stdin": subprocess.DEVNULL}
    if isinstance(stdin, str):
        source = {"input": stdin.encode()}
    elif stdin is not None:
        source = {"stdin": stdin}
    program = shutil.which(command[0], path=search_path()) or command[0]
    result = subprocess.run(
        [program, *command[1:]],
        capture_output=True,
        check=False,
        env={**system_environment(), **(environment or {})},
        **source,
    )  # type: ignore[call-overload]
    if result.returncode != 0:
        message = (result.stderr or result.stdout).decode(errors="replace").strip()
        shown = _shown(command)
        problem = f"`{shown}` ended with code {result.returncode}: {message[-2000:]}"
        raise CommandFailed(problem, remedy=remedy, output=message)
    return str(result.stdout.decode(errors="replace"))


def _shown(command: Sequence[str]) -> str:
    text = " ".join(command)
    return text if len(text) <= 200 else text[:200] + " …"
