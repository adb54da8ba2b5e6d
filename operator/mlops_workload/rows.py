# SPDX-License-Identifier: Apache-2.0
"""Labeled rows for an evaluation: features, labels, and the slice and group each row belongs to.

Forms, by the file's ending:

- `.npz`: arrays `X` (rows, features), `y` (rows) and optionally `slice` and the columns of `Columns`.
- `.csv`: a header; column `y`, optionally `slice` and the columns of `Columns`; every other column is a
  feature. UTF-8 with or without a byte order mark; spaces around a column's name are not part of it.
- `.jsonl`: one object per line with `x` (list of numbers), `y`, and optionally `slice` and the columns
  of `Columns`.

A missing label (see `mlops_workload.labels`) makes a row unlabeled, not wrong. A missing feature is NaN.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_contract.requests.evaluation import Columns
from mlops_workload.errors import DataInvalidError
from mlops_workload.labels import label_kind
from mlops_workload.table import TABLES, Table

DEFAULT_ID: Final = "row"
"""Column that identifies a row where `Columns` names none; never a feature."""


class Rows(NamedTuple):
    """Rows of one or several files, in order; every array has one entry per row.

    Attributes:
        x: features, shape (rows, features).
        y: labels; they mean something only where `labeled` is true.
        slices: the slice of each row, empty for none.
        labeled: false where a row has no label.
        groups: the group of each row; None where no column is declared.
        ids: the identity of each row; None where there is no such column.
    """

    x: NDArray[np.float64]
    y: NDArray[Any]
    slices: NDArray[np.str_]
    labeled: NDArray[np.bool_]
    groups: NDArray[np.str_] | None = None
    ids: NDArray[np.str_] | None = None


def read_rows(path: Path, columns: Columns | None = None, *, labels: bool = True) -> Rows:
    """Read a data file.

    Args:
        path: the file.
        columns: names of the columns for identity and group.
        labels: with False the labels are neither needed nor read, and no row is labeled.

    Raises:
        DataInvalidError: an unknown ending, or content that is not of its form. The message names the
            file, and the row and column where there are such.
    """
    columns = columns or Columns()
    reader = TABLES.get(path.suffix)
    if reader is None:
        raise DataInvalidError(f"expected a file ending in {', '.join(TABLES)}, found {path.name}")
    try:
        optional = {"slice"} | ({DEFAULT_ID} if columns.id is None else set())
        required = {name for name in (columns.id, columns.group) if name is not None}
        rows = _rows(reader(path, label=labels, required=required, optional=optional), columns)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError, zipfile.BadZipFile) as error:
        raise DataInvalidError(f"{path.name} is malformed: {error}") from error
    return rows


def concatenate(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts, in order. Identities and groups are kept only if all parts have them.

    Raises:
        DataInvalidError: they do not have the same number of features, or labels of different kinds.
    """
    widths = {part.x.shape[1] for part in parts}
    kinds = {label_kind(part.y) for part in parts if part.labeled.any()}
    if len(widths) != 1 or len(kinds) > 1:
        raise DataInvalidError(
            f"expected data with one number of features and one kind of label, "
            f"found {sorted(widths)} features and {sorted(kinds)} labels"
        )
    groups = [part.groups for part in parts if part.groups is not None]
    ids = [part.ids for part in parts if part.ids is not None]
    return Rows(
        x=np.concatenate([part.x for part in parts]),
        y=_joined_labels(parts),
        slices=np.concatenate([part.slices for part in parts]),
        labeled=np.concatenate([part.labeled for part in parts]),
        groups=np.concatenate(groups) if len(groups) == len(parts) else None,
        ids=np.concatenate(ids) if len(ids) == len(parts) else None,
    )


def with_all_groups(parts: Sequence[Rows]) -> list[Rows]:
    """The parts, where one has groups with groups in all of them: a row without one is a group of its own."""
    if all(part.groups is None for part in parts):
        return list(parts)
    return [
        part
        if part.groups is not None
        else part._replace(groups=np.asarray([f"part {number} row {row}" for row in range(len(part.x))]))
        for number, part in enumerate(parts)
    ]


def take(rows: Rows, index: NDArray[Any]) -> Rows:
    """The rows with these indices (or where this mask is true), in this order."""
    return Rows(
        x=rows.x[index],
        y=rows.y[index],
        slices=rows.slices[index],
        labeled=rows.labeled[index],
        groups=None if rows.groups is None else rows.groups[index],
        ids=None if rows.ids is None else rows.ids[index],
    )


def duplicate_count(rows: Rows) -> int:
    """Number of rows whose features, label and slice are those of an earlier row."""
    labels = zip(rows.y.tolist(), rows.labeled.tolist(), rows.slices.tolist())
    seen = {(features.tobytes(), *label) for features, label in zip(rows.x, labels)}
    return len(rows.x) - len(seen)


def _rows(table: Table, columns: Columns) -> Rows:
    count = len(table.x)
    if table.x.ndim != 2 or len(table.labels.values) != count or table.labels.values.ndim != 1:
        raise ValueError(
            f"expected X (rows, features) and y (rows), found shapes {table.x.shape} and {table.labels.values.shape}"
        )
    if not count:
        raise ValueError("expected at least one row, found none")
    for name, column in table.columns.items():
        if column.shape != (count,):
            raise ValueError(f"expected {count} values in {name!r}, found shape {column.shape}")
    groups = None if columns.group is None else table.columns[columns.group]
    if groups is not None and (groups == "").any():
        raise ValueError(f"row {int(np.argmax(groups == '')) + 1}: no value in the group column {columns.group!r}")
    return Rows(
        x=table.x,
        y=table.labels.values,
        slices=table.columns.get("slice", np.full(count, "", dtype=np.str_)),
        labeled=table.labels.present,
        groups=groups,
        ids=table.columns.get(columns.id or DEFAULT_ID),
    )


def _joined_labels(parts: Sequence[Rows]) -> NDArray[Any]:
    """Labels of all parts; a part without labels takes the kind of the others."""
    known = next((part.y.dtype for part in parts if part.labeled.any()), parts[0].y.dtype)
    return np.concatenate([part.y if part.labeled.any() else np.zeros(len(part.y), known) for part in parts])
