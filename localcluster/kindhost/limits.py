# SPDX-License-Identifier: Apache-2.0
"""Limits of the machine that kind's nodes run into, with what to do about them before they do."""

from __future__ import annotations

from pathlib import Path

from localcluster.progress import Progress

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")

#: What kind's own list of known issues recommends; a node takes some 30, and all nodes share the limit of one user.
ENOUGH = 512


def note_few_inotify_instances(progress: Progress, *, limit: Path = INSTANCES) -> None:
    """Warn where a node may not start for want of inotify instances; nothing on systems without such a limit."""
    try:
        allowed = int(limit.read_text())
    except (OSError, ValueError):
        return
    if allowed < ENOUGH:
        progress.note(
            f"expected at least {ENOUGH} inotify instances, found {allowed}; where a node ends with 'too many open"
            f" files', run `sysctl -w fs.inotify.max_user_instances={ENOUGH}`"
        )
