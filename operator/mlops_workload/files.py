# SPDX-License-Identifier: Apache-2.0
"""Local files and folders, opened without following links.

A store is written by others while it is read: a folder may be swapped for a link between two system calls. So
every part of a path is opened by itself, relative to the descriptor of the part before (`openat(2)` with
`O_NOFOLLOW`), and what was opened is checked, not what was there before.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from mlops_workload.errors import DataInvalidError

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""`O_NONBLOCK`: opening a FIFO for reading returns at once. It has no effect on regular files."""


@contextmanager
def opened(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """The descriptor of the file or folder `parts` below the folder `root`, which may itself be a link.

    Raises:
        FileNotFoundError: there is nothing, or a part before the last is no folder.
        PermissionError: a part may not be read.
        DataInvalidError: a part is a link or a special file.
    """
    descriptor = _open_parts(root, parts)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open_parts(root: Path, parts: Sequence[str]) -> int:
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for number, part in enumerate(parts, start=1):
            parent = descriptor
            try:
                descriptor = open_at(parent, part, name="/".join(parts[:number]))
            finally:
                os.close(parent)
    except NotADirectoryError as error:
        raise FileNotFoundError(f"{root.joinpath(*parts)} is below a file") from error
    return descriptor


def open_regular(path: Path) -> BinaryIO:
    """Open the regular file `path` for reading; the folder that holds it may be reached through links.

    Raises:
        OSError: it is not there or may not be read, or it is a folder, a link or a special file.
    """
    try:
        with opened(path.parent, (path.name,)) as descriptor:
            if is_folder(descriptor):
                raise IsADirectoryError(errno.EISDIR, "expected a file, found a folder", str(path))
            return os.fdopen(os.dup(descriptor), "rb")
    except DataInvalidError as error:
        raise OSError(errno.ELOOP, error.message, str(path)) from error


def open_at(parent: int, part: str, *, name: str) -> int:
    """Open the regular file or folder `part` of the folder with the descriptor `parent`; its descriptor.

    Raises:
        OSError: it is not there, or may not be read.
        DataInvalidError: it is a link or a special file, which `name` names.
    """
    _require_plain(os.stat(part, dir_fd=parent, follow_symlinks=False).st_mode, name)
    try:
        descriptor = os.open(part, _OPEN, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # swapped for a link or a socket since
            raise _special(name) from error
        raise
    try:
        _require_plain(os.fstat(descriptor).st_mode, name)
    except DataInvalidError:
        os.close(descriptor)
        raise
    return descriptor


def is_folder(descriptor: int) -> bool:
    """Whether what was opened is a folder; otherwise it is a regular file."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def regular_streams(folder: int, prefix: str = "") -> Iterator[tuple[str, BinaryIO]]:
    """Relative posix path and content of every file below the folder with this descriptor, ordered level by level.

    A stream is open until the next one is asked for.

    Raises:
        OSError: one does not exist any more, or may not be read.
        DataInvalidError: there is a link or a special file in it.
    """
    for part in sorted(os.listdir(folder)):
        name = f"{prefix}{part}"
        descriptor = open_at(folder, part, name=name)
        if is_folder(descriptor):
            try:
                yield from regular_streams(descriptor, f"{name}/")
            finally:
                os.close(descriptor)
        else:
            with os.fdopen(descriptor, "rb") as stream:
                yield name, stream


def _require_plain(mode: int, name: str) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _special(name)


def _special(name: str) -> DataInvalidError:
    return DataInvalidError(
        f"expected regular files only, found the link or special file {name}: store the content itself"
    )
