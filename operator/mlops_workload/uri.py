# SPDX-License-Identifier: Apache-2.0
"""Where things are: URIs of artifacts and data, and which of them are paths on this machine.

`pvc://<claim>/<path>` is a mounted persistent volume claim, `file:///<path>` and a plain
path are local; every other scheme is left to fsspec.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from mlops_contract import environment
from mlops_workload.errors import ConfigurationInvalidError


def local_path(uri: str, *, environ: Mapping[str, str] | None = None) -> Path | None:
    """The path on this machine that `uri` names, or None if it is remote. Nothing is touched.

    Raises:
        ConfigurationInvalidError: a URI without a path, without a claim, or one that climbs out with `..`.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme == "pvc":
        return _claim_path(uri, rest, os.environ if environ is None else environ)
    if scheme == "file":
        path = unquote(rest.removeprefix("localhost"))
        if not path.startswith("/"):
            raise ConfigurationInvalidError(f"expected file:///<absolute path>, found {uri!r}")
        return Path(path)
    return None


def local_location(uri: str, *, environ: Mapping[str, str] | None = None) -> tuple[Path, tuple[str, ...]] | None:
    """A folder on this machine and the parts of the path below it that `uri` names, or None if it is remote.

    Below the folder no part may be a link: for `pvc://` it is the mounted claim; for other paths it is the
    folder that holds the file or folder, because the machine's owner may have reached that through links.

    Raises:
        ConfigurationInvalidError: see `local_path`.
    """
    path = local_path(uri, environ=environ)
    if path is None:
        return None
    if uri.startswith("pvc://"):
        parts = path.relative_to(root := _pvc_root(os.environ if environ is None else environ)).parts
        return root / parts[0], parts[1:]
    path = Path(os.path.abspath(path))  # not resolve(): the last part is not followed
    return path.parent, (path.name,)


def join(uri: str, name: str) -> str:
    """`name` below the folder `uri`."""
    return f"{uri.rstrip('/')}/{name}"


def basename(uri: str) -> str:
    """The last part of the path of `uri`, without a query."""
    return PurePosixPath(uri.partition("?")[0]).name


def _claim_path(uri: str, rest: str, environ: Mapping[str, str]) -> Path:
    claim, _, path = rest.partition("/")
    parts = PurePosixPath(path).parts
    if not claim or claim in {".", ".."} or ".." in parts:
        raise ConfigurationInvalidError(f"expected pvc://<claim>/<path> without '..', found {uri!r}")
    return Path(_pvc_root(environ), claim, *parts)


def _pvc_root(environ: Mapping[str, str]) -> Path:
    return Path(environ.get(environment.PVC_ROOT) or environment.DEFAULT_PVC_ROOT)
