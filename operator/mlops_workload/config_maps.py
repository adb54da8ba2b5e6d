# SPDX-License-Identifier: Apache-2.0
"""The digest of mounted ConfigMaps.

The kubelet mounts a ConfigMap as a folder of links to `..data/<key>`. `..data` is a link itself, to a folder with the
files. When the ConfigMap changes, the kubelet writes another folder and replaces that link, so all files of one folder
are of one state of the ConfigMap.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlops_workload.digest import digest_file, listing_digest
from mlops_workload.errors import ArtifactUnreachableError

_DATA: Final = "..data"

_TRIES: Final = 5
"""How often a ConfigMap is read that is replaced while it is read. The kubelet replaces one about once a minute."""


def digest_config_maps(root: Path) -> str:
    """The digest of the ConfigMaps that are mounted below `root`, each in a folder of its name.

    It is that of a folder with the files `<ConfigMap>/<key>` (`digest.digest_folder`). A ConfigMap that is not there
    has no files.

    Raises:
        ArtifactUnreachableError: a ConfigMap could not be read.
    """
    return listing_digest(
        {
            f"{folder.name}/{key}": digest
            for folder in sorted(root.iterdir())
            for key, digest in _digests_of_keys(folder).items()
        }
    )


def _digests_of_keys(folder: Path) -> Mapping[str, str]:
    """Digests of the keys of one ConfigMap, all of the same state of it."""
    for _ in range(_TRIES):
        state = _state(folder)
        if state is None:
            return {}
        try:
            found = {path.name: digest_file(path) for path in (folder / state).iterdir()}
        except FileNotFoundError:  # the kubelet has removed it meanwhile
            continue
        if _state(folder) == state:
            return found
    raise ArtifactUnreachableError(f"the ConfigMap {folder.name} was replaced {_TRIES} times while it was read")


def _state(folder: Path) -> str | None:
    """Name of the folder that holds the present state; None where there is none."""
    try:
        return os.readlink(folder / _DATA)
    except FileNotFoundError:
        return None
