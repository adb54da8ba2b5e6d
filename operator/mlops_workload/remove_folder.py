# SPDX-License-Identifier: Apache-2.0
"""Remove what is in a folder of a store, without following links.

`python -m mlops_workload.remove_folder URI` removes everything below the folder, which is mounted by itself, and
reports how many files and bytes that were. The folder stays, empty. A folder that is empty or not there is a success.

With `--check` nothing is removed: the claim is mounted as a whole, and a folder that is a link, or below one, ends the
command with `DataInvalid`. The kubelet would follow the link when it mounts the folder.

Exit codes: 0, or that of the error (`mlops_workload.errors`), which is also one line of JSON in the termination
message.
"""

from __future__ import annotations

import argparse
import os
import secrets
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mlops_contract import Result
from mlops_contract.result import MAX_COUNT
from mlops_workload.context import require_uid
from mlops_workload.errors import ArtifactUnreachableError, ConfigurationInvalidError, DataInvalidError
from mlops_workload.files import is_folder, opened
from mlops_workload.termination import run_command, write_message
from mlops_workload.uri import local_location


class Removed(NamedTuple):
    """What was removed: regular files, links and special files, and the bytes of the regular files."""

    files: int = 0
    size: int = 0

    def plus(self, other: Removed) -> Removed:
        """Both together."""
        return Removed(self.files + other.files, self.size + other.size)


def check_folder(uri: str, *, environ: Mapping[str, str]) -> bool:
    """Check that a folder, or nothing, is at `uri`; whether it is there.

    Raises:
        DataInvalidError: it is a file or a link, or below a link.
        ArtifactUnreachableError: it may not be read.
        ConfigurationInvalidError: `uri` is not on this machine.
    """
    try:
        with opened(*_location(uri, environ)) as descriptor:
            if not is_folder(descriptor):
                raise DataInvalidError("expected a folder, found a file")
    except FileNotFoundError:
        return False
    except DataInvalidError as error:
        raise DataInvalidError(f"{uri}: {error.message}") from error
    except OSError as error:
        raise ArtifactUnreachableError(f"{uri}: {type(error).__name__}: {error}") from error
    return True


def remove_content(uri: str, *, environ: Mapping[str, str]) -> Removed:
    """Remove everything below the folder at `uri`; nothing where it is not there.

    Raises:
        WorkloadError: see `check_folder`.
    """
    try:
        with opened(*_location(uri, environ)) as descriptor:
            if not is_folder(descriptor):
                raise DataInvalidError("expected a folder, found a file")
            return _empty(descriptor)
    except FileNotFoundError:
        return Removed()
    except DataInvalidError as error:
        raise DataInvalidError(f"{uri}: {error.message}") from error
    except OSError as error:
        raise ArtifactUnreachableError(f"{uri}: {type(error).__name__}: {error}") from error


def _location(uri: str, environ: Mapping[str, str]) -> tuple[Path, tuple[str, ...]]:
    location = local_location(uri, environ=environ)
    if location is None or not location[1]:
        raise ConfigurationInvalidError(f"expected a folder below the root of a mounted claim, found {uri!r}")
    return location


def _empty(folder: int) -> Removed:
    """Remove everything in the folder with this descriptor.

    Folders in folders are moved up before they are emptied, so that no depth that a run has made needs more than two
    open descriptors.
    """
    total = Removed()
    while names := os.listdir(folder):
        for name in names:
            total = total.plus(_remove_entry(folder, name))
    return total


def _remove_entry(folder: int, name: str) -> Removed:
    """Remove an entry of `folder`, if it is still there; what folders it has become entries of `folder`."""
    try:
        if (file := _unlinked(folder, name)) is not None:
            return file
        descriptor = _opened_folder(folder, name)
        removed = Removed()
        try:
            for inner in os.listdir(descriptor):
                if (file := _unlinked(descriptor, inner)) is not None:
                    removed = removed.plus(file)
                    continue
                os.close(_opened_folder(descriptor, inner))  # a folder that is moved has to be writable
                os.rename(inner, f".removed-{secrets.token_hex(8)}", src_dir_fd=descriptor, dst_dir_fd=folder)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        return Removed()  # another pod of the same Job was faster
    return removed


def _unlinked(folder: int, name: str) -> Removed | None:
    """What was removed with an entry that is no folder; None where it is one."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        return None
    os.unlink(name, dir_fd=folder)
    return Removed(1, found.st_size if stat.S_ISREG(found.st_mode) else 0)


def _opened_folder(parent: int, name: str) -> int:
    """The descriptor of a folder that may be changed by its owner, whatever mode the run gave it."""
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        found = os.fstat(place)
        if found.st_uid == os.geteuid() and found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            # By its descriptor: chmod by name would follow a link.
            os.chmod(f"/proc/self/fd/{place}", stat.S_IMODE(found.st_mode) | stat.S_IRWXU)
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)


def _command(arguments: argparse.Namespace) -> None:
    if arguments.check:
        there = check_folder(arguments.uri, environ=os.environ)
        print(f"{arguments.uri} is {'a folder' if there else 'not there'}")
        return
    uid = require_uid()
    removed = remove_content(arguments.uri, environ=os.environ)
    counts = {"files": min(removed.files, MAX_COUNT), "bytes": min(removed.size, MAX_COUNT)}
    write_message(Result(uid=uid, counts=counts).to_message())
    print(f"{arguments.uri}: removed {removed.files} files, {removed.size} bytes")


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.remove_folder", description=__doc__)
    parser.add_argument("uri", metavar="URI", help="pvc://claim/path")
    parser.add_argument("--check", action="store_true", help="remove nothing: only check that no link leads to it")
    return run_command(lambda: _command(parser.parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
