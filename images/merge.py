# SPDX-License-Identifier: Apache-2.0
"""Put several image archives into one, with each layer that they share once.

Not beside what writes archives: the cached layers depend on the text of that module.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_LAYOUT = "oci-layout"
_INDEX = "index.json"
_DOCKER = "manifest.json"
_BLOBS = "blobs/"


def can_be_merged(archive: Path) -> bool:
    """Whether the archive has the OCI layout; `docker save` of old versions writes another one."""
    try:
        with tarfile.open(archive) as source:
            return bool(_read(source, _INDEX)["manifests"])
    except (tarfile.TarError, KeyError, ValueError, TypeError):
        return False


def merge_archives(target: Path, archives: Sequence[Path]) -> None:
    """Write one archive with the images of all ``archives``, which have the OCI layout.

    Raises:
        ValueError: an archive has another layout.
    """
    for archive in archives:
        if not can_be_merged(archive):
            raise ValueError(f"expected an archive with an OCI layout at {archive}, found something else")
    with tarfile.open(target, "w") as merged:
        written: set[str] = set()
        indexes: list[dict[str, Any]] = []
        docker: list[dict[str, Any]] = []
        for archive in archives:
            with tarfile.open(archive) as source:
                names = source.getnames()
                indexes.append(_read(source, _INDEX))
                docker += _read(source, _DOCKER) if _DOCKER in names else []
                for member in source:
                    if member.isfile() and member.name.startswith(_BLOBS) and member.name not in written:
                        written.add(member.name)
                        merged.addfile(member, source.extractfile(member))
        manifests = [manifest for index in indexes for manifest in index["manifests"]]
        _write(merged, _LAYOUT, {"imageLayoutVersion": "1.0.0"})
        _write(merged, _INDEX, {**indexes[0], "manifests": manifests})
        _write(merged, _DOCKER, docker)


def _read(archive: tarfile.TarFile, name: str) -> Any:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return json.load(member)


def _write(archive: tarfile.TarFile, name: str, document: Any) -> None:
    content = json.dumps(document, separators=(",", ":")).encode()
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(content))
