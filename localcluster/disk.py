# SPDX-License-Identifier: Apache-2.0
"""Ask for disk space before it is needed, not when a write fails half-way."""

from __future__ import annotations

import shutil
from pathlib import Path

from localcluster.errors import NoSpace


def require(path: Path, needed: int, *, what: str) -> None:
    """Raise :class:`NoSpace` unless the file system of ``path`` (it need not exist yet) has ``needed`` bytes free."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise NoSpace(
            f"{what} needs {needed / 2**30:.1f} GiB, found {free / 2**30:.1f} GiB free at {existing}",
            remedy="free space there, or move it: XDG_CACHE_HOME, GOCACHE and MLOPS_LOCALCLUSTER_HOME are respected",
        )
