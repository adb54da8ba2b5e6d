# SPDX-License-Identifier: Apache-2.0
"""Where clusters keep their state and where builds are cached."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localcluster.errors import InvalidName

PROJECT = "mlops-localcluster"

#: A name is a folder, a host name and part of a cgroup's name: a DNS label, short enough to leave room for the rest.
_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$")

#: ``sun_path`` holds 108 bytes; programs append suffixes such as ``.ttrpc``.
MAX_SOCKET_PATH = 100


def state_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds one folder per cluster."""
    if explicit := environment.get("MLOPS_LOCALCLUSTER_HOME"):
        return Path(explicit).absolute()
    base = environment.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local/state") / PROJECT


def cache_home(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of built binaries and images, shared by all clusters of this user."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / PROJECT


def repository() -> Path:
    """The top folder of the checkout that this package was loaded from."""
    return Path(__file__).resolve().parent.parent


def check_name(name: str) -> str:
    """Return ``name`` if it can name a cluster, else raise :class:`InvalidName`."""
    if not _NAME.match(name):
        raise InvalidName(
            f"expected a cluster name of 1 to 30 lower-case letters, digits and inner dashes, found {name!r}",
            remedy="choose another --name",
        )
    return name


def socket_dir(state: Path) -> Path:
    """A folder for Unix sockets that belongs to the cluster in ``state``.

    It is inside ``state`` unless that would make socket addresses longer than the kernel takes.
    """
    inside = state / "run"
    if len(str(inside / "controller-manager.sock")) <= MAX_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{PROJECT}-{os.getuid()}-{digest}"
