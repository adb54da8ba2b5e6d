# SPDX-License-Identifier: Apache-2.0
"""Files of rows, by form, as features, labels and further columns of text.

Every reader raises ValueError or TypeError with the row (counted from 1) and the column of what is wrong.
"""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mlops_workload.labels import (
    MISSING_TEXTS,
    Labels,
    labels_from_array,
    labels_from_texts,
    labels_from_values,
)

LABEL: Final = "y"


class Table(NamedTuple):
    """One file: features of shape (rows, features), labels, and the further columns that were found."""

    x: NDArray[np.float64]
    labels: Labels
    columns: Mapping[str, NDArray[np.str_]]


class Reader(Protocol):
    """Reads one form of file."""

    def __call__(self, path: Path, *, label: bool, required: AbstractSet[str], optional: AbstractSet[str]) -> Table:
        """The file's rows.

        Args:
            path: the file.
            label: whether the label column is needed; without it no row is labeled.
            required: further columns that must be there.
            optional: further columns that are read where they are there, and are never features.

        Raises:
            ValueError, TypeError, KeyError: the content is not of this form.
        """


def read_npz(path: Path, *, label: bool, required: AbstractSet[str], optional: AbstractSet[str]) -> Table:
    """Arrays `X`, `y` and one array for each further column."""
    # Pickled arrays would run code of the data, so they are refused.
    with np.load(path, allow_pickle=False) as arrays:
        _require({"X", *required} | ({LABEL} if label else set()), arrays.files, what="arrays")
        x = np.asarray(arrays["X"], dtype=np.float64)
        labels = labels_from_array(np.asarray(arrays[LABEL])) if label else _unlabeled(len(x))
        columns = {name: _text_column(np.asarray(arrays[name])) for name in required | optional if name in arrays.files}
    return Table(x, labels, columns)


def read_csv(path: Path, *, label: bool, required: AbstractSet[str], optional: AbstractSet[str]) -> Table:
    """A header and one line per row."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        lines = csv.reader(stream, strict=True)
        header = [name.strip() for name in next(lines, [])]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise ValueError(f"the header names columns twice: {', '.join(twice)}")
        _require({*required} | ({LABEL} if label else set()), header, what="columns")
        others = required | optional | {LABEL}
        features = [position for position, name in enumerate(header) if name not in others]
        texts: dict[str, list[str]] = {name: [] for name in header if name in others}
        values = array("d")
        rows = 0
        for line in lines:
            if not line:
                continue
            rows += 1
            if len(line) != len(header):
                raise ValueError(f"row {rows}: expected {len(header)} values, found {len(line)}")
            for position in features:
                values.append(_number(line[position], row=rows, column=header[position]))
            for name, text in texts.items():
                text.append(line[header.index(name)].strip())
    labels = labels_from_texts(texts[LABEL]) if label else _unlabeled(rows)
    columns = {name: _text_column(np.asarray(text, dtype=np.str_)) for name, text in texts.items() if name != LABEL}
    return Table(np.asarray(values, dtype=np.float64).reshape(rows, len(features)), labels, columns)


def read_jsonl(path: Path, *, label: bool, required: AbstractSet[str], optional: AbstractSet[str]) -> Table:
    """One JSON object per line."""
    values = array("d")
    labels: list[object] = []
    texts: dict[str, list[str]] = {name: [] for name in required | optional}
    found: set[str] = set()
    width: int | None = None
    with path.open(encoding="utf-8-sig") as stream:
        for row, line in enumerate((line for line in stream if line.strip()), 1):
            document = _object(line, row=row)
            found |= document.keys() & (texts.keys() | {LABEL})
            features = document.get("x")
            if not isinstance(features, list) or len(features) != (len(features) if width is None else width):
                expected = "a list of numbers" if width is None else f"a list of {width} numbers"
                size = f" of {len(features)}" if isinstance(features, list) else ""
                raise ValueError(f"row {row}: expected {expected} in 'x', found {type(features).__name__}{size}")
            width = len(features)
            for position, value in enumerate(features):
                values.append(_json_number(value, row=row, column=f"x[{position}]"))
            labels.append(document.get(LABEL))
            for name, text in texts.items():
                given = document.get(name)
                text.append("" if given is None else str(given))
    _require({*required} | ({LABEL} if label else set()), found, what="fields")
    rows = len(labels)
    columns = {name: _text_column(np.asarray(text, dtype=np.str_)) for name, text in texts.items() if name in found}
    known = labels_from_values(labels) if label else _unlabeled(rows)
    return Table(np.asarray(values, dtype=np.float64).reshape(rows, width or 0), known, columns)


TABLES: Final[Mapping[str, Reader]] = {".npz": read_npz, ".csv": read_csv, ".jsonl": read_jsonl}
"""The reader of each file ending."""


def _require(wanted: AbstractSet[str], found: Any, *, what: str) -> None:
    missing = sorted(wanted - set(found))
    if missing:
        listed = ", ".join(repr(name) for name in list(found)[:50]) or "none"
        raise ValueError(f"expected the {what} {', '.join(map(repr, missing))}, found {listed}")


def _unlabeled(rows: int) -> Labels:
    return Labels(np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.bool_))


def _text_column(values: NDArray[Any]) -> NDArray[np.str_]:
    texts = values.astype(np.str_)
    return np.where(np.isin(texts, sorted(MISSING_TEXTS)), "", texts)


def _number(text: str, *, row: int, column: str) -> float:
    try:
        return float(text)
    except ValueError:
        if text.strip() in MISSING_TEXTS:
            return float("nan")
        raise ValueError(f"row {row}, column {column!r}: expected a number, found {text[:50]!r}") from None


def _json_number(value: object, *, row: int, column: str) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, (int, float)):
        return float(value)
    raise ValueError(f"row {row}, {column}: expected a number, found {type(value).__name__}")


def _object(line: str, *, row: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise ValueError(f"row {row} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise TypeError(f"row {row}: expected a JSON object, found {type(document).__name__}")
    return document
