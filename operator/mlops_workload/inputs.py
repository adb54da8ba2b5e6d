# SPDX-License-Identifier: Apache-2.0
"""The data inputs of a run: verified, without the rows that are held out, and checked for changes while in use."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from mlops_contract import DataDigest
from mlops_contract.requests.run import DataInput
from mlops_workload.digest import regular_files
from mlops_workload.errors import ConfigurationInvalidError, DataChangedError
from mlops_workload.fetch import Fetched, as_data, fetch
from mlops_workload.holdout import Holdout
from mlops_workload.store import inspect
from mlops_workload.training_rows import PreparedInput, prepare
from mlops_workload.uri import local_path

Stamp = frozenset[tuple[str, int, int]]
"""Name, size in bytes and modification time in nanoseconds of each file: cheap to compare, unlike a digest."""


class _Used(NamedTuple):
    """An input: as it was found at `source`, and as the run uses it."""

    source: Path
    digest: str
    stamp: Stamp
    prepared: PreparedInput

    @property
    def copied(self) -> bool:
        """Whether the run uses a copy, which later changes of the source do not reach."""
        return self.prepared.path != self.source


class Inputs:
    """Data inputs by name; what was used, and its digest. Tables are read only where rows are held out or `hashed`."""

    def __init__(
        self,
        sources: Iterable[DataInput],
        *,
        holdout: Holdout | None,
        hashed: bool,
        scratch: Path,
        environ: Mapping[str, str],
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._holdout = holdout
        self._hashed = hashed
        self._scratch = scratch
        self._environ = environ
        self._used: dict[str, _Used] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    @property
    def digests(self) -> tuple[DataDigest, ...]:
        """Digests of the inputs that were used, as they were read."""
        return tuple(DataDigest(name=name, digest=used.digest) for name, used in self._used.items())

    @property
    def prepared(self) -> tuple[PreparedInput, ...]:
        """The inputs that were used, in the order of their first use."""
        return tuple(used.prepared for used in self._used.values())

    def path(self, name: str, *, snapshot: bool) -> Path:
        """Where the input is on this machine; see `Run.data`."""
        source = self._sources.get(name)
        if source is None:
            raise ConfigurationInvalidError(f"expected a data input of {sorted(self._sources)}, found {name!r}")
        if name not in self._used:
            with as_data(name):
                found = self._bring(source, snapshot=snapshot)
            self._used[name] = self._prepare(name, found)
        return self._used[name].prepared.path

    def _bring(self, source: DataInput, *, snapshot: bool) -> Fetched:
        """A verified copy, or the place itself where no digest pins what a local input must be."""
        local = local_path(source.uri, environ=self._environ)
        if local is not None and source.digest is None and not snapshot:
            return Fetched(local, *inspect(source.uri, environ=self._environ))
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        return fetch(source.uri, folder, digest=source.digest, environ=self._environ)

    def _prepare(self, name: str, found: Fetched) -> _Used:
        stamp = _stamp(found.path)
        if self._holdout is None and not self._hashed:
            return _Used(found.path, found.digest, stamp, PreparedInput.unread(found.path))
        used = _Used(found.path, found.digest, stamp, prepare(found.path, self._scratch, self._holdout))
        _require_unchanged(name, used)
        if self._holdout is not None:
            print(_sentence(name, used.prepared))
        return used

    def require_unchanged(self) -> None:
        """Check that what was used is still what its digest was computed from.

        Raises:
            DataChangedError: the recorded digest would not be that of what was read.
        """
        for name, used in self._used.items():
            if not used.copied:
                _require_unchanged(name, used)


def _require_unchanged(name: str, used: _Used) -> None:
    if _stamp(used.source) != used.stamp:
        raise DataChangedError(
            f"data input {name} changed while the run was using it: expected no writer at {used.source}; "
            f"use data({name!r}, snapshot=True) for data that others still write to"
        )


def _sentence(name: str, prepared: PreparedInput) -> str:
    if not prepared.identified:
        return f"data input {name}: no row is held out, because it has no column named group or id"
    return f"data input {name}: {prepared.held_out} of {prepared.rows} rows are held out for the gate and removed"


def _stamp(path: Path) -> Stamp:
    files = regular_files(path) if path.is_dir() else [(path.name, path)]
    entries = []
    for name, file in files:
        # A deleted file is a change like any other.
        status = file.stat() if file.exists() else None
        entries.append((name, status.st_size if status else -1, status.st_mtime_ns if status else -1))
    return frozenset(entries)
