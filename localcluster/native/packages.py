# SPDX-License-Identifier: Apache-2.0
"""The programs a node needs from the distribution, installed if they are missing.

Programs are looked for, not packages: a machine that has containerd from elsewhere keeps it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from localcluster.errors import PackagesMissing
from localcluster.progress import Progress
from localcluster.run import search_path, system_environment

#: Program -> Debian package, of a native node.
PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "ethtool": "ethtool",
    "socat": "socat",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
}

#: Folders with network plug-ins: Debian's, and the one of upstream's archives.
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
_PLUGINS = ("ptp", "host-local", "portmap", "loopback")
_PLUGINS_PACKAGE = "containernetworking-plugins"

#: Another package manager may be at work on a machine that has just booted.
_LOCK_SECONDS = 300


def program(name: str, programs: Mapping[str, str] = PROGRAMS) -> str:
    """The path of a program that :func:`ensure` has seen to."""
    found = shutil.which(name, path=search_path())
    if found is None:
        raise PackagesMissing(f"expected a program {name}, found none", remedy=f"apt-get install {programs[name]}")
    return found


def plugin_folder() -> Path | None:
    """The folder that has every network plug-in."""
    for folder in _PLUGIN_FOLDERS:
        if all((folder / plugin).exists() for plugin in _PLUGINS):
            return folder
    return None


def missing(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """The Debian packages to install for these programs; a node's own also need the network plug-ins."""
    packages = {package for name, package in programs.items() if shutil.which(name, path=search_path()) is None}
    if programs is PROGRAMS and plugin_folder() is None:
        packages.add(_PLUGINS_PACKAGE)
    return sorted(packages)


def ensure(progress: Progress, programs: Mapping[str, str] = PROGRAMS) -> None:
    """Install what is missing with apt-get; :class:`PackagesMissing` if that does not help."""
    wanted = missing(programs)
    if not wanted:
        return
    remedy = f"install them yourself: apt-get install {' '.join(wanted)} (or your distribution's packages of that name)"
    if shutil.which("apt-get") is None:
        raise PackagesMissing(f"expected {', '.join(wanted)} to be installed, and there is no apt-get", remedy=remedy)
    apt = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}"]
    with progress.step(f"install {', '.join(wanted)}"):
        _run([*apt, "update"], remedy)
        _run([*apt, "install", "--yes", "--no-install-recommends", *wanted], remedy)
    if still := missing(programs):
        raise PackagesMissing(f"expected {', '.join(still)} after installing, found them missing", remedy=remedy)


def _run(command: list[str], remedy: str) -> None:
    environment = {**system_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackagesMissing(f"`{' '.join(command)}` failed: {result.stderr.strip()[-1000:]}", remedy=remedy)
