# SPDX-License-Identifier: Apache-2.0
"""The container's termination message: the one place where a run leaves its result or its error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_contract import environment
from mlops_workload.errors import WorkloadError


def message_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """The file for the message; None outside a cluster, where it would not be read."""
    environ = os.environ if environ is None else environ
    named = environ.get(environment.RESULT_PATH)
    if named:
        return Path(named)
    # Kubernetes mounts this file into every container of every pod.
    default = Path(environment.DEFAULT_RESULT_PATH)
    return default if default.is_file() else None


def write_message(message: str, *, environ: Mapping[str, str] | None = None) -> bool:
    """Replace the termination message; False if there is nowhere to write one."""
    path = message_path(environ)
    if path is None:
        return False
    # The kubelet mounts the file itself, so it is written in place, never renamed over.
    path.write_text(message, encoding="utf-8")
    return True


def run_command(command: Callable[[], None]) -> int:
    """Run `command`; its exit code, with a `WorkloadError` turned into one line for users and the operator."""
    try:
        command()
    except WorkloadError as error:
        line = error.to_line()
        print(line, file=sys.stderr)
        write_message(line)
        return error.exit_code
    return 0
