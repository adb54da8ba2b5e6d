# SPDX-License-Identifier: Apache-2.0
"""The rows of a training's data inputs: held-out rows are removed, and the others are hashed.

Tables are `.npz`, `.csv` and `.jsonl` files (a prediction log is a folder of the last). A row is held out by
its identity (`mlops_workload.holdout`): the columns, arrays or keys `group` and `id`. A file without
them is used as it is. Rows are hashed (`mlops_workload.row_hashes`) where the features have the names that
evaluations know: `X`; in CSV all columns beside `y` that are not otherwise known; in JSON lines `x` or `inputs`.

Files are read row by row (a `.npz` array by array), so that a large table costs no memory.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from mlops_workload.digest import regular_files
from mlops_workload.errors import DataInvalidError
from mlops_workload.holdout import IDENTITY_COLUMNS, Holdout, identity_of
from mlops_workload.labels import MISSING_TEXTS
from mlops_workload.row_hashes import Hashes, hash_rows
from mlops_workload.rows import DEFAULT_ID

FEATURE_KEYS: Final = ("x", "inputs")

_NOT_FEATURES: Final = frozenset({"y", "slice", DEFAULT_ID, *IDENTITY_COLUMNS})
_CHUNK: Final = 4096
"""Rows of a CSV file that are converted at once."""


class PreparedInput(NamedTuple):
    """A data input as the training may use it.

    Attributes:
        path: the input itself, or a copy of it without the held-out rows.
        rows: rows of its tables, with the held-out ones.
        held_out: rows that the copy does not have.
        identified: whether a table of it has identities, without which no row can be held out.
        hashes: of the rows that are left.
        unhashed: files whose rows could not be hashed.
    """

    path: Path
    rows: int
    held_out: int
    identified: bool
    hashes: tuple[Hashes, ...]
    unhashed: int

    @classmethod
    def unread(cls, path: Path) -> PreparedInput:
        """An input that nothing was asked of."""
        return cls(path, rows=0, held_out=0, identified=False, hashes=(), unhashed=0)


class _Table(NamedTuple):
    """What was read of one file; `hashes` is None where they cannot be computed."""

    rows: int
    held_out: int
    identified: bool
    hashes: tuple[Hashes, ...] | None


def prepare(path: Path, scratch: Path, holdout: Holdout | None) -> PreparedInput:
    """Read the file or folder `path`; where rows are held out, write a copy without them below `scratch`.

    Raises:
        DataInvalidError: a table with identities cannot be read, so its held-out rows cannot be removed.
    """
    folder = path.is_dir()
    files = sorted(regular_files(path)) if folder else [(path.name, path)]
    target = Path(tempfile.mkdtemp(prefix="held-out-", dir=scratch)) if holdout is not None else None
    tables: list[_Table] = []
    unhashed = 0
    for name, file in files:
        reader = _READERS.get(file.suffix)
        copy = None
        if target is not None and reader is not None:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
        table = reader(file, copy, holdout) if reader is not None else None
        tables.extend([table] if table is not None else [])
        unhashed += table is None or table.hashes is None
    held_out = sum(table.held_out for table in tables)
    if target is not None and not held_out:
        shutil.rmtree(target)
        target = None
    return PreparedInput(
        path=path if target is None else _complete(files, target, folder=folder),
        rows=sum(table.rows for table in tables),
        held_out=held_out,
        identified=any(table.identified for table in tables),
        hashes=tuple(part for table in tables for part in table.hashes or ()),
        unhashed=unhashed,
    )


def _complete(files: Iterable[tuple[str, Path]], target: Path, *, folder: bool) -> Path:
    """Copy what is no table; the copy of the input."""
    name = ""
    for name, file in files:
        if not (target / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / name)
    return target if folder else target / name


# -- .npz -------------------------------------------------------------------------------


def _read_npz(path: Path, copy: Path | None, holdout: Holdout | None) -> _Table:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            named = [name for name in IDENTITY_COLUMNS if name in arrays]
            hashable = "X" in arrays
            rows = len(arrays[named[0] if named else "X"]) if named or hashable else 0
            held = np.zeros(rows, dtype=np.bool_)
            if named and holdout is not None:
                columns = [arrays[name].tolist() for name in named]
                if any(len(column) != rows for column in columns):
                    raise ValueError(f"{' and '.join(named)} have different numbers of rows")
                identities = [identity_of(dict(zip(named, row))) for row in zip(*columns)]
                held = np.asarray([holdout.holds(identity) for identity in identities], dtype=np.bool_)
            if copy is not None and held.any():
                _write_npz(copy, ((name, arrays[name]) for name in arrays.files), ~held)
            return _Table(rows, int(held.sum()), bool(named), _npz_hashes(arrays, ~held) if hashable else None)
    except (ValueError, TypeError, zipfile.BadZipFile) as error:
        return _unreadable(path, holdout, error)


def _npz_hashes(arrays: Mapping[str, Any], kept: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[Hashes, ...] | None:
    try:
        features = np.asarray(arrays["X"])
        return (hash_rows(features[kept]),) if features.ndim == 2 and len(kept) == len(features) else None
    except ValueError:
        return None


def _write_npz(copy: Path, arrays: Iterable[tuple[str, Any]], kept: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    """Write the rows of every array that has as many as there are identities, and other arrays as they are."""
    # Not numpy.savez: an array may have the name of one of its parameters.
    with zipfile.ZipFile(copy, "w") as archive:
        for name, array in arrays:
            values = array[kept] if array.shape[:1] == kept.shape else array
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, values, allow_pickle=False)


# -- .csv -------------------------------------------------------------------------------


def _read_csv(path: Path, copy: Path | None, holdout: Holdout | None) -> _Table:
    output = copy.open("w", newline="", encoding="utf-8") if copy is not None else nullcontext()
    # A byte order mark must not become part of the first column's name.
    with path.open(newline="", encoding="utf-8-sig") as stream, output as target:
        try:
            lines = csv.reader(stream, strict=True)
            names = [name.strip() for name in next(lines, [])]
            hasher = _CsvHasher(names)
            positions: dict[str, int] = {name: names.index(name) for name in IDENTITY_COLUMNS if name in names}
            writer = csv.writer(target) if target is not None else None
            if writer is not None:
                writer.writerow(names)
            rows = held_out = 0
            for line in lines:
                if not line:
                    continue
                rows += 1
                row = {name: line[place] for name, place in positions.items() if place < len(line)}
                if holdout is not None and holdout.holds(identity_of(row)):
                    held_out += 1
                    continue
                hasher.add(line)
                if writer is not None:
                    writer.writerow(line)
        except (ValueError, csv.Error) as error:
            return _unreadable(path, holdout, error)
    return _Table(rows, held_out, bool(positions), hasher.finish())


class _CsvHasher:
    """Hashes lines of a CSV file, chunk by chunk; gives up at the first that is not numbers."""

    def __init__(self, names: list[str]) -> None:
        self._columns = [place for place, name in enumerate(names) if name not in _NOT_FEATURES]
        self._lines: list[list[str]] = []
        self._hashes: list[Hashes] = []
        # Without a column of that name the label would be taken for a feature.
        self._failed = "y" not in names or not self._columns

    def add(self, line: list[str]) -> None:
        """Take one line."""
        if not self._failed:
            self._lines.append(line)
            if len(self._lines) >= _CHUNK:
                self._flush()

    def finish(self) -> tuple[Hashes, ...] | None:
        """The hashes of all lines; None if one has no features that can be hashed."""
        self._flush()
        return None if self._failed else tuple(self._hashes)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        if self._failed or not lines:
            return
        try:
            features = np.asarray([[_number(line[place]) for place in self._columns] for line in lines])
        except (ValueError, IndexError):
            self._failed = True
            return
        self._hashes.append(hash_rows(features))


def _number(text: str) -> float:
    return float("nan") if text.strip() in MISSING_TEXTS else float(text)


# -- .jsonl -----------------------------------------------------------------------------


def _read_jsonl(path: Path, copy: Path | None, holdout: Holdout | None) -> _Table:
    rows = held_out = 0
    identified, hashable = False, True
    hashes: list[int] = []
    output = copy.open("wb") if copy is not None else nullcontext()
    with path.open("rb") as stream, output as target:
        for line in stream:
            document = _json_row(line)
            if document is not None:
                rows += 1
                identity = identity_of(document)
                identified = identified or identity is not None
                if holdout is not None and holdout.holds(identity):
                    held_out += 1
                    continue
                found = _json_hashes(document)
                hashable = hashable and found is not None
                hashes.extend(found or ())
            if target is not None:
                target.write(line)
    return _Table(rows, held_out, identified, (np.asarray(hashes, dtype=np.uint64),) if hashable else None)


def _json_row(line: bytes) -> dict[str, Any] | None:
    """The row in a line; None for a line that is none, and for one that gives a label to the row of another line."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    is_label = "label" in document and not any(key in document for key in ("prediction", *FEATURE_KEYS))
    return None if is_label else document


def _json_hashes(row: Mapping[str, Any]) -> list[int] | None:
    """The hash of a row, none if it is a logged request without inputs; None if it cannot be hashed."""
    features = next((row[key] for key in FEATURE_KEYS if row.get(key) is not None), None)
    if features is None:
        return [] if "prediction" in row else None
    values = list(features.values()) if isinstance(features, dict) else features
    try:
        numbers = [float("nan") if value is None else value for value in values]
        return [int(hash_rows([numbers])[0])]
    except (ValueError, TypeError):
        return None


def _unreadable(path: Path, holdout: Holdout | None, error: Exception) -> _Table:
    """A table that cannot be read is not hashed; with a hold-out that is an error.

    Raises:
        DataInvalidError: there is a hold-out, and held-out rows in the file could not be removed.
    """
    if holdout is None:
        return _Table(0, 0, False, None)
    raise DataInvalidError(
        f"{path.name} cannot be read, so its held-out rows cannot be removed: {type(error).__name__}: {error}"
    ) from error


_READERS: Final[Mapping[str, Callable[[Path, Path | None, Holdout | None], _Table]]] = {
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
}
