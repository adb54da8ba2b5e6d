"""Labelled rows for an evaluation: features, labels, and the slice each row belongs to.

Forms, by the file's ending:

- `.npz`: arrays `X` (rows, features), `y` (rows) and optionally `slice` (rows, strings).
- `.csv`: a header; column `y`, optionally `slice` and `row` (an identity, not a feature); every
  other column is a feature.
- `.jsonl`: one object per line with `x` (list of numbers), `y`, and optionally `slice`.
"""

import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_workload.errors import DataInvalidError

NOT_FEATURES: Final = frozenset({"y", "slice", "row"})


class Rows(NamedTuple):
    """`x` has shape (rows, features); `y` and `slices` have one entry per row; the empty slice is "none"."""

    x: NDArray[np.float64]
    y: NDArray[Any]
    slices: NDArray[np.str_]


def read_rows(path: Path) -> Rows:
    """Read a data file.

    Raises:
        DataInvalidError: an unknown ending, or content that is not of its form.
    """
    readers = {".npz": _read_npz, ".csv": _read_csv, ".jsonl": _read_jsonl}
    reader = readers.get(path.suffix)
    if reader is None:
        raise DataInvalidError(f"expected a file ending in {', '.join(readers)}, found {path.name}")
    try:
        rows = reader(path)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataInvalidError(f"{path.name} is malformed: {type(error).__name__}: {error}") from error
    if rows.x.ndim != 2 or len(rows.x) != len(rows.y) or len(rows.x) != len(rows.slices):
        raise DataInvalidError(
            f"{path.name}: expected X (rows, features), y (rows) and slice (rows), "
            f"found shapes {rows.x.shape}, {rows.y.shape} and {rows.slices.shape}"
        )
    return rows


def concatenate(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts, in order.

    Raises:
        DataInvalidError: they do not have the same number of features, or labels of different kinds.
    """
    widths = {part.x.shape[1] for part in parts}
    kinds = {label_kind(part.y) for part in parts}
    if len(widths) != 1 or len(kinds) != 1:
        raise DataInvalidError(
            f"expected data with one number of features and one kind of label, "
            f"found {sorted(widths)} features and {sorted(kinds)} labels"
        )
    return Rows(
        x=np.concatenate([part.x for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        slices=np.concatenate([part.slices for part in parts]),
    )


def label_kind(labels: NDArray[Any]) -> str:
    """`text` or `number`: labels of different kinds are never equal, which would look like a bad model."""
    return "text" if labels.dtype.kind in "USO" else "number"


def labels_from(values: Sequence[str]) -> NDArray[Any]:
    """Labels from text: integers if all are, otherwise numbers if all are, otherwise text."""
    for kind in (np.int64, np.float64):
        try:
            return np.asarray(values, dtype=kind)
        except ValueError:
            continue
    return np.asarray(values, dtype=np.str_)


def _read_npz(path: Path) -> Rows:
    # Pickled arrays would run code of the data, so they are refused.
    with np.load(path, allow_pickle=False) as arrays:
        labels = np.asarray(arrays["y"])
        slices = np.asarray(arrays["slice"], dtype=np.str_) if "slice" in arrays else _no_slices(len(labels))
        return Rows(x=np.asarray(arrays["X"], dtype=np.float64), y=labels, slices=slices)


def _read_csv(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream, strict=True)
        features = [name for name in reader.fieldnames or () if name not in NOT_FEATURES]
        lines = list(reader)
    return Rows(
        x=np.asarray([[float(line[name]) for name in features] for line in lines], dtype=np.float64),
        y=labels_from([line["y"] for line in lines]),
        slices=np.asarray([line.get("slice") or "" for line in lines], dtype=np.str_),
    )


def _read_jsonl(path: Path) -> Rows:
    with path.open(encoding="utf-8") as stream:
        lines = [json.loads(line) for line in stream if line.strip()]
    return Rows(
        x=np.asarray([line["x"] for line in lines], dtype=np.float64),
        y=np.asarray([line["y"] for line in lines]),
        slices=np.asarray([line.get("slice") or "" for line in lines], dtype=np.str_),
    )


def _no_slices(count: int) -> NDArray[np.str_]:
    return np.full(count, "", dtype=np.str_)
