# SPDX-License-Identifier: Apache-2.0
"""The cgroup below which all pods of one cluster are, so that clusters side by side do not tidy up each other's.

Version 1 has a tree per controller, version 2 has one tree; a machine may mount version 2 without controllers beside
version 1 ("hybrid"), which counts as version 1.
"""

from __future__ import annotations

import os
from pathlib import Path

from localcluster.client import wait_for
from localcluster.errors import StillBusy

ROOT = Path("/sys/fs/cgroup")

#: What the kubelet wants to hand out; those the kernel lacks are left out.
_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids", "hugetlb")

#: A process that was killed leaves its cgroup when the kernel has finished it off.
_REMOVE_SECONDS = 10.0


def is_version_2(root: Path = ROOT) -> bool:
    """Whether the machine has one tree for all controllers."""
    return (root / "cgroup.controllers").exists()


def _hierarchies(root: Path) -> list[Path]:
    """The top of every tree; on version 1 a controller may be reachable by several names (symbolic links)."""
    if is_version_2(root):
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def create(name: str, root: Path = ROOT) -> None:
    """Make the cgroup in every tree, with every controller usable by what will be below it."""
    if is_version_2(root):
        offered = (root / "cgroup.controllers").read_text().split()
        wanted = [controller for controller in _CONTROLLERS if controller in offered]
        (root / name).mkdir(exist_ok=True)
        enabled = (root / "cgroup.subtree_control").read_text().split()
        for controller in wanted:
            if controller not in enabled:
                (root / "cgroup.subtree_control").write_text(f"+{controller}")
        return
    for top in _hierarchies(root):
        folder = top / name
        folder.mkdir(exist_ok=True)
        # A new cpuset is empty, and nothing can run in an empty one.
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (top / setting).exists():
                (folder / setting).write_text((top / setting).read_text())


def remove(name: str, root: Path = ROOT) -> None:
    """Remove the cgroup and all below it from every tree; its processes must have been ended."""
    left = [folder for top in _hierarchies(root) if (folder := top / name).is_dir()]

    def removed() -> bool:
        # Every tree is tried, also after one that could not be removed yet.
        return not [folder for folder in left if not _remove_tree(folder)]

    if not wait_for(removed, seconds=_REMOVE_SECONDS):
        busy = ", ".join(str(folder) for folder in left if folder.exists())
        raise StillBusy(
            f"expected cgroup {name} to be empty, found processes in it",
            remedy=f"end what cgroup.procs lists below {busy}, then try again",
        )


def exists(name: str, root: Path = ROOT) -> bool:
    """Whether any tree has the cgroup."""
    return any((top / name).is_dir() for top in _hierarchies(root))


def _remove_tree(folder: Path) -> bool:
    """Remove from the leaves up what can be removed; whether all were removed."""
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
