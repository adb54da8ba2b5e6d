"""Bring an artifact or data to this machine and prove that it is what its digest says.

As a command, `python -m mlops_workload.fetch --uri U --digest D --to DIR` is the init
container of a model server: a file goes to `DIR/<base name>`, a folder's content to
`DIR`. Nothing appears in `DIR` before its digest was verified. With `--verify-only`
nothing is copied to `DIR`; the size and digest go into a result instead.

Exit codes: 0, or that of the error (`mlops_workload.errors`), which is also one line of
JSON in the termination message.
"""

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
from mlops_workload.digest import digest_path, size_of
from mlops_workload.errors import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    ConfigurationInvalidError,
    DataCorruptError,
    DataNotFoundError,
)
from mlops_workload.store import copy_in, replace_path
from mlops_workload.termination import run_command, write_message
from mlops_workload.uri import local_path


class Fetched(NamedTuple):
    """Content on this machine: its path, the digest that was computed from it, and its size in bytes."""

    path: Path
    digest: str
    size: int


def fetch(uri: str, folder: Path, *, digest: str | None = None, environ: Mapping[str, str] | None = None) -> Fetched:
    """Copy what is at `uri` into `folder` (made if missing), verified, replacing what has the same name there.

    Raises:
        ArtifactNotFoundError: there is nothing at `uri`.
        ArtifactCorruptError: it is not what `digest` says; `folder` is left as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Inside the target folder, so that the final step is a rename on one file system.
    scratch = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
        copy = verify(copy_in(uri, scratch, environ=environ), digest=digest, uri=uri)
        if copy.path.is_file():
            target = folder / copy.path.name
            replace_path(copy.path, target)
            return copy._replace(path=target)
        for entry in sorted(copy.path.iterdir()):
            replace_path(entry, folder / entry.name)
        return copy._replace(path=folder)
    finally:
        shutil.rmtree(scratch)


def locate(uri: str, scratch: Path, *, digest: str | None = None, environ: Mapping[str, str] | None = None) -> Fetched:
    """What is at `uri`, verified: in place if it is local, otherwise copied below `scratch` (which exists).

    Raises:
        ArtifactNotFoundError: there is nothing at `uri`.
        ArtifactCorruptError: it is not what `digest` says.
    """
    path = local_path(uri, environ=environ)
    if path is None:
        path = copy_in(uri, Path(tempfile.mkdtemp(dir=scratch)), environ=environ)
    elif not path.exists():
        raise ArtifactNotFoundError(f"expected a file or a folder at {uri}, found nothing at {path}")
    return verify(path, digest=digest, uri=uri)


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


def verify(path: Path, *, digest: str | None, uri: str) -> Fetched:
    """Compute the digest of `path` and compare it with `digest`, if there is one.

    Raises:
        ArtifactCorruptError: they differ; `uri` is named.
    """
    found = digest_path(path)
    if digest is not None and found != digest:
        raise ArtifactCorruptError(f"{uri} is not what its digest says", expected=digest, found=found)
    return Fetched(path, found, size_of(path))


def _verify_only(uri: str, digest: str | None) -> None:
    uid = require_uid()
    with tempfile.TemporaryDirectory() as scratch:
        found = locate(uri, Path(scratch), digest=digest)
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
    # The copy is readable by the server's user, whoever that is.
    os.umask(0o022)
    sys.exit(main())
