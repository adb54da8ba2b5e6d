# SPDX-License-Identifier: Apache-2.0
"""Locks on files, freed by the kernel when their holder ends however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, *, leave_file: bool = False) -> Iterator[None]:
    """Hold the lock on ``path`` alone; waits for who holds it. The file goes with the lock unless ``leave_file``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _still_there(descriptor, path):
            break
        # The former holder removed the file while we waited: the lock we got protects nothing.
        os.close(descriptor)
    try:
        yield
    finally:
        if not leave_file:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
