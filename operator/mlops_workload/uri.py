"""Where things are: URIs of artifacts and data, and which of them are paths on this machine.

`pvc://<claim>/<path>` is a mounted persistent volume claim, `file:///<path>` and a plain
path are local; every other scheme is left to fsspec.
"""

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
    root = environ.get(environment.PVC_ROOT) or environment.DEFAULT_PVC_ROOT
    return Path(root, claim, *parts)
