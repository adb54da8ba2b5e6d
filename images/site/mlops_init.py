# SPDX-License-Identifier: Apache-2.0
"""Start a Python program below an init where it is the first process of its container.

The kernel gives no default action to signals of a process with the ID 1: without a handler of its own, a program that
gets SIGTERM runs until its grace period is over and it is killed. So the interpreter, before it runs
anything of the program, replaces itself by `tini`, which runs the same command line again as another process, passes
signals on to it, and ends with its exit code, or with 128 and the signal's number where a signal ended it.

An image's entry point would not do: the `command` of a pod replaces it. `mlops_init.pth` beside this file, which the
interpreter runs at its start, does nothing but compare the process's ID unless that is 1. `python3 -S` runs neither.
"""

import os
import sys
from collections.abc import Sequence

TINI = "/usr/bin/tini"
"""Debian's package `tini`, which the builds of the images install."""


def command_below_init(executable: str, arguments: Sequence[str]) -> list[str]:
    """The command line that runs a Python command line below the init.

    Args:
        executable: the interpreter's path.
        arguments: the interpreter's own command line, its options and its name first (`sys.orig_argv`).
    """
    return [TINI, "--", executable, *arguments[1:]]


def start_below_init() -> None:
    """Replace this process by the init with the same program below it.

    Raises:
        OSError: the image has no init. The interpreter prints that and goes on with the program.
    """
    os.execv(TINI, command_below_init(sys.executable, sys.orig_argv))
