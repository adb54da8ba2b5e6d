"""Reading from and writing to where artifacts live: a mounted volume, or any store fsspec knows."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mlops_workload.digest import regular_files
from mlops_workload.errors import ArtifactNotFoundError, ArtifactUnreachableError, ConfigurationInvalidError
from mlops_workload.uri import basename, local_path

COPY_BYTES: Final = 1 << 20
"""Buffer of a copy: content is streamed, so memory does not grow with the artifact."""


def copy_in(uri: str, folder: Path, *, environ: Mapping[str, str] | None = None) -> Path:
    """Copy the file or folder at `uri` into `folder` (which exists); the path of the copy.

    The copy has the base name of the URI. It is not atomic: copy into a scratch folder.

    Raises:
        ArtifactNotFoundError: there is nothing at `uri`.
        ArtifactUnreachableError: the store cannot be asked.
        ConfigurationInvalidError: no such scheme, or its fsspec driver is not installed.
    """
    target = folder / (basename(uri) or "content")
    source = local_path(uri, environ=environ)
    if source is None:
        _copy_in_remote(uri, target)
    elif source.is_dir():
        target.mkdir()
        for name, file in regular_files(source):
            _copy_file(file, target / name)
    elif source.is_file():
        _copy_file(source, target)
    else:
        raise ArtifactNotFoundError(f"expected a file or a folder at {uri}, found nothing at {source}")
    return target


def copy_out(path: Path, uri: str, *, environ: Mapping[str, str] | None = None) -> None:
    """Copy the file or folder `path` to `uri`, replacing what is there; a local file appears at once or not at all.

    Raises:
        ArtifactUnreachableError: the store cannot be written.
        ConfigurationInvalidError: no such scheme, or its fsspec driver is not installed.
    """
    target = local_path(uri, environ=environ)
    if target is None:
        with _remote(uri) as (filesystem, root):
            filesystem.put(str(path), root, recursive=path.is_dir())
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


def replace_path(source: Path, target: Path) -> None:
    """Move `source` over `target` on the same file system, whatever is there."""
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, COPY_BYTES)


def _copy_in_remote(uri: str, target: Path) -> None:
    with _remote(uri) as (filesystem, root):
        if not filesystem.isdir(root):
            _download(filesystem, root, target)
            return
        target.mkdir()
        for remote in filesystem.find(root):
            name = PurePosixPath(remote).relative_to(PurePosixPath(root.rstrip("/")))
            if ".." in name.parts:
                raise ArtifactUnreachableError(f"{uri} lists {remote!r}, which is outside of it")
            _download(filesystem, remote, target / name)


def _download(filesystem: Any, remote: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with filesystem.open(remote, "rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, COPY_BYTES)


@contextmanager
def _remote(uri: str) -> Iterator[tuple[Any, str]]:
    # fsspec is imported here because local artifacts, the usual case, do not need it.
    import fsspec.core

    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise ConfigurationInvalidError(f"{uri}: no driver for this scheme in this image: {error}") from error
    try:
        yield filesystem, root
    except FileNotFoundError as error:
        raise ArtifactNotFoundError(f"expected a file or a folder at {uri}, found nothing") from error
    except OSError as error:
        raise ArtifactUnreachableError(f"{uri}: {type(error).__name__}: {error}") from error
