# SPDX-License-Identifier: Apache-2.0
"""Digests of files and folders: what pins an artifact or a dataset.

A file's digest is plain SHA-256, so `sha256sum` gives the same figure. A folder's digest
is the SHA-256 of one line per regular file, `<sha256 hex>  <relative posix path>\\n`,
sorted by path: what `find . -type f | sort | xargs sha256sum | sha256sum` prints in the
C locale (with the leading `./` taken off the paths).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mlops_workload.errors import ArtifactNotFoundError, DataInvalidError

_CHUNK: Final = 2**18
"""Bytes that are read at once."""


def digest_file(path: Path) -> str:
    """`sha256:<hex>` of a file's content."""
    computed = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    with path.open("rb", buffering=0) as stream:
        while read := stream.readinto(buffer):
            computed.update(memoryview(buffer)[:read])
    return f"sha256:{computed.hexdigest()}"


def digest_folder(path: Path) -> str:
    """`sha256:<hex>` over the sorted listing of all regular files in a folder.

    Raises:
        DataInvalidError: the folder holds a link or a special file, whose content a listing cannot pin.
    """
    return listing_digest({name: digest_file(file) for name, file in regular_files(path)})


def listing_digest(files: Mapping[str, str]) -> str:
    """The digest of a folder with these files: digest by relative posix path."""
    listing = hashlib.sha256()
    for name, digest in sorted(files.items()):
        listing.update(f"{digest.removeprefix('sha256:')}  {name}\n".encode())
    return f"sha256:{listing.hexdigest()}"


def digest_path(path: Path) -> str:
    """The digest of a file or of a folder.

    Raises:
        ArtifactNotFoundError: there is neither.
        DataInvalidError: see `digest_folder`.
    """
    if path.is_dir():
        return digest_folder(path)
    if path.is_file():
        return digest_file(path)
    raise ArtifactNotFoundError(f"expected a file or a folder at {path}, found nothing")


def size_of(path: Path) -> int:
    """Bytes in a file, or in all files of a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for _, file in regular_files(path))
    return path.stat().st_size


def regular_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative posix path and path of every file below `folder`, in no particular order.

    Raises:
        DataInvalidError: there is a link or a special file in it.
    """
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise DataInvalidError(
                    f"expected regular files only in {folder}, found the link or special file "
                    f"{path.relative_to(folder).as_posix()}: store the content itself"
                )
        for name in files:
            path = Path(root, name)
            yield path.relative_to(folder).as_posix(), path
