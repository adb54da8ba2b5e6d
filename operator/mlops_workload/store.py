# SPDX-License-Identifier: Apache-2.0
"""Reading from and writing to where artifacts live: a mounted volume, or any store fsspec knows."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from mlops_workload.connections import Readable, Watch, watched
from mlops_workload.digest import listing_digest, regular_files
from mlops_workload.errors import (
    ArtifactNotFoundError,
    ArtifactUnreachableError,
    ConfigurationInvalidError,
    DataInvalidError,
)
from mlops_workload.files import is_folder, opened, regular_streams
from mlops_workload.uri import basename, local_location, local_path

COPY_BYTES: Final = 1 << 20
"""Buffer of a copy: content is streamed, so memory does not grow with the artifact."""


class Copied(NamedTuple):
    """A copy on this machine. `digest` and `size` (bytes) are of what was written to it, computed while copying."""

    path: Path
    digest: str
    size: int


class Content(NamedTuple):
    """Digest and size in bytes of what was read."""

    digest: str
    size: int


def copy_in(uri: str, folder: Path, *, environ: Mapping[str, str] | None = None) -> Copied:
    """Copy the file or folder at `uri` into `folder` (which exists), reading it once.

    The copy has the base name of the URI. It is not atomic: copy into a scratch folder.

    Raises:
        ArtifactNotFoundError: there is nothing at `uri`.
        ArtifactUnreachableError: the store cannot be asked, or refuses.
        ConnectionFailedError: there is no connection to the store.
        ConfigurationInvalidError: no such scheme, or its fsspec driver is not installed.
        DataInvalidError: there is a link or a special file at or below `uri`.
    """
    target = folder / (basename(uri) or "content")
    return Copied(target, *_read(uri, target, environ))


def inspect(uri: str, *, environ: Mapping[str, str] | None = None) -> Content:
    """Digest and size of the file or folder at `uri`, reading it once and copying nothing.

    Raises:
        WorkloadError: see `copy_in`.
    """
    return _read(uri, None, environ)


def _read(uri: str, target: Path | None, environ: Mapping[str, str] | None) -> Content:
    location = local_location(uri, environ=environ)
    if location is None:
        return _read_remote(uri, target)
    root, parts = location
    try:
        with opened(root, parts) as descriptor:
            if is_folder(descriptor):
                return _read_folder(regular_streams(descriptor), target)
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                return _read_file(stream, target)
    except FileNotFoundError as error:
        raise ArtifactNotFoundError(
            f"expected a file or a folder at {uri}, found nothing at {root.joinpath(*parts)}"
        ) from error
    except DataInvalidError as error:
        raise DataInvalidError(f"{uri}: {error.message}") from error
    except OSError as error:
        raise ArtifactUnreachableError(f"{uri}: {type(error).__name__}: {error}") from error


def _read_folder(files: Iterable[tuple[str, Readable]], target: Path | None) -> Content:
    if target is not None:
        target.mkdir()
    found = {name: _read_file(stream, target / name if target else None) for name, stream in files}
    digests = {name: content.digest for name, content in found.items()}
    return Content(listing_digest(digests), sum(content.size for content in found.values()))


def _read_file(stream: Readable, target: Path | None) -> Content:
    hashed, size = hashlib.sha256(), 0
    with ExitStack() as stack:
        writer = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            writer = stack.enter_context(target.open("wb"))
        while block := stream.read(COPY_BYTES):
            hashed.update(block)
            size += len(block)
            if writer is not None:
                writer.write(block)
    return Content(f"sha256:{hashed.hexdigest()}", size)


def copy_out(path: Path, uri: str, *, environ: Mapping[str, str] | None = None) -> None:
    """Copy the file or folder `path` to `uri`, replacing what is there; a local file appears at once or not at all.

    Raises:
        ArtifactUnreachableError: the store cannot be written.
        ConnectionFailedError: there is no connection to the store.
        ConfigurationInvalidError: no such scheme, or its fsspec driver is not installed.
    """
    target = local_path(uri, environ=environ)
    if target is None:
        watched(uri, lambda _: _put(path, uri))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        scratch = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
        try:
            for name, file in regular_files(path):
                _copy_file(file, scratch / "content" / name)
            replace_path(scratch / "content", target)
        finally:
            shutil.rmtree(scratch)
        return
    partial = target.parent / f".partial-{os.getpid()}-{target.name}"
    _copy_file(path, partial)
    partial.replace(target)


def _put(path: Path, uri: str) -> None:
    with _remote(uri) as (filesystem, root):
        filesystem.put(str(path), root, recursive=path.is_dir())


def replace_path(source: Path, target: Path) -> None:
    """Move `source` over `target` on the same file system, whatever is there."""
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, COPY_BYTES)


def _read_remote(uri: str, target: Path | None) -> Content:
    def read(watch: Watch) -> Content:
        with _remote(uri) as (filesystem, root):
            if filesystem.isdir(root):
                return _read_folder(_remote_streams(uri, filesystem, root, watch), target)
            with filesystem.open(root, "rb") as stream:
                return _read_file(watch.noting(stream), target)

    return watched(uri, read)


def _remote_streams(uri: str, filesystem: Any, root: str, watch: Watch) -> Iterator[tuple[str, Readable]]:
    for remote in filesystem.find(root):
        name = PurePosixPath(remote).relative_to(PurePosixPath(root.rstrip("/")))
        if ".." in name.parts:
            raise ArtifactUnreachableError(f"{uri} lists {remote!r}, which is outside of it")
        with filesystem.open(remote, "rb") as stream:
            yield name.as_posix(), watch.noting(stream)


@contextmanager
def _remote(uri: str) -> Iterator[tuple[Any, str]]:
    try:
        yield _filesystem(uri)  # a driver may connect as soon as it is made
    except FileNotFoundError as error:
        raise ArtifactNotFoundError(f"expected a file or a folder at {uri}, found nothing") from error
    except OSError as error:
        raise ArtifactUnreachableError(f"{uri}: {type(error).__name__}: {error}") from error


def _filesystem(uri: str) -> tuple[Any, str]:
    # fsspec is imported here because local artifacts, the common case, do not need it.
    import fsspec.core

    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise ConfigurationInvalidError(f"{uri}: no driver for this scheme in this image: {error}") from error
    return filesystem, root
