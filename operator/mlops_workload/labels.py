# SPDX-License-Identifier: Apache-2.0
"""Labels: which values are missing, and what kind of value the others are.

A missing label is no label: it is neither right nor wrong, and no class of its own. The same values are
missing wherever labels are read: null, NaN, NaT, the empty text and the texts of `MISSING_TEXTS`, which
are what common writers leave for them.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MISSING_TEXTS: Final = frozenset({"", "nan", "NaN", "NAN", "null", "NULL", "None", "NaT", "NA", "<NA>"})
"""Texts that stand for a missing value, in exactly this spelling."""

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class Labels(NamedTuple):
    """`values` has one entry per row; it means something only where `present` is true."""

    values: NDArray[Any]
    present: NDArray[np.bool_]


def is_missing(value: object) -> bool:
    """Whether `value` stands for a missing label or answer."""
    if value is None:
        return True
    if isinstance(value, str):
        return value in MISSING_TEXTS
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return isinstance(value, np.datetime64) and bool(np.isnat(value))


def label_kind(labels: NDArray[Any]) -> str:
    """`text` or `number`: labels of different kinds are never equal, which would look like a bad model."""
    return "text" if labels.dtype.kind in "USO" else "number"


def labels_from_texts(texts: Sequence[str]) -> Labels:
    """Labels from text: integers if all present ones are, otherwise numbers if all are, otherwise text.

    Only a number in its usual notation is one: `01` and `1_000` are text.
    """
    present = np.asarray([text not in MISSING_TEXTS for text in texts], dtype=np.bool_)
    known = {text for text in texts if text not in MISSING_TEXTS}
    if all(_INTEGER.fullmatch(text) for text in known):
        return Labels(np.asarray([int(text) if text in known else 0 for text in texts], dtype=np.int64), present)
    if all(_NUMBER.fullmatch(text) for text in known):
        return Labels(np.asarray([float(text) if text in known else 0.0 for text in texts]), present)
    return Labels(np.asarray([text if text in known else "" for text in texts], dtype=np.str_), present)


def labels_from_values(values: Sequence[object]) -> Labels:
    """Labels from JSON values: text, numbers or booleans.

    Raises:
        ValueError: text and numbers are mixed.
        TypeError: a value is a list or an object. Either names the row.
    """
    present = np.asarray([not is_missing(value) for value in values], dtype=np.bool_)
    kinds: dict[bool, int] = {}
    for row, (value, known) in enumerate(zip(values, present.tolist()), 1):
        if not known:
            continue
        if not isinstance(value, (str, int, float)):
            raise TypeError(f"row {row}: expected a text or a number as label, found {type(value).__name__}")
        kinds.setdefault(isinstance(value, str), row)
    if len(kinds) == 2:
        raise ValueError(f"labels are text in row {kinds[True]} and a number in row {kinds[False]}")
    filler: object = "" if True in kinds else 0
    filled = [value if known else filler for value, known in zip(values, present.tolist())]
    return Labels(np.asarray(filled), present)


def labels_from_array(array: NDArray[Any]) -> Labels:
    """Labels from an array of numbers, booleans, times or text."""
    kind = array.dtype.kind
    if kind in "US":
        values = array.astype(np.str_)
        present = ~np.isin(values, sorted(MISSING_TEXTS))
        return Labels(np.where(present, values, ""), present)
    if kind == "f":
        present = ~np.isnan(array)
        return Labels(np.where(present, array, 0), present)
    if kind in "mM":
        return Labels(array, ~np.isnat(array))
    return Labels(array, np.ones(len(array), dtype=np.bool_))
