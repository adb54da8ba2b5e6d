# SPDX-License-Identifier: Apache-2.0
"""The programs a node needs from the distribution, installed if they are missing.

Programs are looked for, not packages: a machine that has containerd from elsewhere keeps it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
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

#: Program -> package that has it in newer releases of the distribution, where another program's package once had both:
#: Debian 13 has the command `docker` in docker-cli, which docker.io only recommends.
_SPLIT = {"docker": "docker-cli"}

#: Another package manager may be at work on a machine that has just booted.
_LOCK_SECONDS = 300


def program(name: str, programs: Mapping[str, str] = PROGRAMS) -> str:
    """The path of a program that :func:`ensure` has seen to."""
    found = shutil.which(name, path=search_path())
    if found is None:
        raise PackagesMissing(
            f"expected a program {name}, found none", remedy=f"apt-get install {package_of(name, programs)}"
        )
    return found


def plugin_folder() -> Path | None:
    """The folder that has every network plug-in."""
    for folder in _PLUGIN_FOLDERS:
        if all((folder / plugin).exists() for plugin in _PLUGINS):
            return folder
    return None


def missing(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """The Debian packages to install for these programs; a node's own also need the network plug-ins."""
    absent = [name for name in programs if not _is_installed(name)]
    packages = {package_of(name, programs) for name in absent}
    if programs is PROGRAMS and plugin_folder() is None:
        packages.add(_PLUGINS_PACKAGE)
    return sorted(packages)


def package_of(name: str, programs: Mapping[str, str] = PROGRAMS) -> str:
    """The package to install for a program that is missing.

    It is a package of the program's own where another program of ``programs[name]`` is installed already.
    """
    package = programs[name]
    has_package = any(_is_installed(other) for other, owner in programs.items() if owner == package)
    return _SPLIT[name] if name in _SPLIT and has_package else package


def _is_installed(name: str) -> bool:
    return shutil.which(name, path=search_path()) is not None


def ensure(progress: Progress, programs: Mapping[str, str] = PROGRAMS) -> None:
    """Install what is missing with apt-get; :class:`PackagesMissing` if that does not help."""
    wanted = missing(programs)
    if not wanted:
        return
    _install(progress, wanted)
    # A package that was split shows only then that a part is missing.
    if (others := missing(programs)) and others != wanted:
        _install(progress, others)
    if still := missing(programs):
        raise PackagesMissing(
            f"expected {', '.join(still)} after installing, found them missing", remedy=_remedy(still)
        )


def _install(progress: Progress, wanted: Sequence[str]) -> None:
    remedy = _remedy(wanted)
    if shutil.which("apt-get") is None:
        raise PackagesMissing(f"expected {', '.join(wanted)} to be installed, and there is no apt-get", remedy=remedy)
    apt = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}"]
    with progress.step(f"install {', '.join(wanted)}"):
        _run([*apt, "update"], remedy)
        _run([*apt, "install", "--yes", "--no-install-recommends", *wanted], remedy)


def _remedy(wanted: Sequence[str]) -> str:
    return f"install them yourself: apt-get install {' '.join(wanted)} (or your distribution's packages of that name)"


def _run(command: list[str], remedy: str) -> None:
    environment = {**system_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackagesMissing(f"`{' '.join(command)}` failed: {result.stderr.strip()[-1000:]}", remedy=remedy)
