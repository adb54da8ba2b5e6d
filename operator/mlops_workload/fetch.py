# SPDX-License-Identifier: Apache-2.0
"""Copy an artifact or data to this machine and verify its digest.

As a command, `python -m mlops_workload.fetch --uri U --digest D --to DIR` is the init
container of a model server: a file goes to `DIR/<base name>`, a folder's content to
`DIR`. Nothing appears in `DIR` before its digest was verified. With `--verify-only`
nothing is copied to `DIR`; the size and digest go into a result instead.

Exit codes: 0, or that of the error (`mlops_workload.errors`), which is also one line of
JSON in the termination message.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mlops_contract import Artifact, Result
from mlops_workload.context import require_uid
from mlops_workload.errors import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    ConfigurationInvalidError,
    DataCorruptError,
    DataNotFoundError,
)
from mlops_workload.store import copy_in, inspect, replace_path
from mlops_workload.termination import run_command, write_message


class Fetched(NamedTuple):
    """Content on this machine: its path, the digest that was computed from it, and its size in bytes."""

    path: Path
    digest: str
    size: int


def fetch(uri: str, folder: Path, *, digest: str | None = None, environ: Mapping[str, str] | None = None) -> Fetched:
    """Copy what is at `uri` into `folder` (made if missing), verified, replacing what has the same name there.

    The digest is that of the copy: what happens to `uri` afterwards does not matter.

    Raises:
        ArtifactNotFoundError: there is nothing at `uri`.
        ArtifactCorruptError: it does not match `digest`; `folder` is unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Inside the target folder, so that the final step is a rename on one file system.
    scratch = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
        copy = copy_in(uri, scratch, environ=environ)
        _require_digest(uri, expected=digest, found=copy.digest)
        if copy.path.is_file():
            target = folder / copy.path.name
            replace_path(copy.path, target)
            return Fetched(target, copy.digest, copy.size)
        for entry in sorted(copy.path.iterdir()):
            replace_path(entry, folder / entry.name)
        return Fetched(folder, copy.digest, copy.size)
    finally:
        shutil.rmtree(scratch)


@contextmanager
def as_data(name: str) -> Iterator[None]:
    """Name the data input `name` in errors of what is fetched within.

    Raises:
        DataNotFoundError, DataCorruptError: instead of the errors about artifacts.
    """
    try:
        yield
    except ArtifactNotFoundError as error:
        raise DataNotFoundError(f"data input {name}: {error.message}", **error.details) from error
    except ArtifactCorruptError as error:
        raise DataCorruptError(f"data input {name}: {error.message}", **error.details) from error


def _require_digest(uri: str, *, expected: str | None, found: str) -> None:
    if expected is not None and found != expected:
        raise ArtifactCorruptError(f"the content of {uri} does not match its digest", expected=expected, found=found)


def _verify_only(uri: str, digest: str | None) -> None:
    uid = require_uid()
    found = inspect(uri)
    _require_digest(uri, expected=digest, found=found.digest)
    artifact = Artifact(name="artifact", uri=uri, digest=found.digest, size=found.size)
    write_message(Result(uid=uid, artifacts=(artifact,)).to_message())
    print(f"{uri} is {found.digest}, {found.size} bytes")


def _command(arguments: argparse.Namespace) -> None:
    if arguments.verify_only:
        _verify_only(arguments.uri, arguments.digest)
        return
    if arguments.to is None:
        raise ConfigurationInvalidError("expected --to DIR or --verify-only, found neither")
    found = fetch(arguments.uri, arguments.to, digest=arguments.digest)
    print(f"{arguments.uri} -> {found.path}: {found.digest}, {found.size} bytes")


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.fetch", description=__doc__)
    parser.add_argument("--uri", required=True, help="pvc://claim/path, file:///path, or any scheme fsspec knows")
    parser.add_argument("--digest", help="sha256:<hex> the content must have")
    parser.add_argument("--to", type=Path, help="folder the content goes to")
    parser.add_argument("--verify-only", action="store_true", help="copy nothing, report size and digest as a result")
    arguments = parser.parse_args(argv)
    # An argument that is set from an absent field may arrive empty.
    arguments.digest = arguments.digest or None
    return run_command(lambda: _command(arguments))


if __name__ == "__main__":
    # The copy is readable by the server's user, whichever that is.
    os.umask(0o022)
    sys.exit(main())
