# SPDX-License-Identifier: Apache-2.0
"""Hashes of rows: how a gate finds out that a model was trained on the rows that it is judged by.

A hash is the first 8 bytes of SHA-256 over the row's features, as IEEE 754 single precision, little endian, one
after the other. It depends on these values alone:

- Tables in single and in double precision agree, -0.0 is 0.0, and all kinds of NaN are one.
- The label is no part of it. So a row whose label came later or was corrected is the same row.
- The order of the columns is that of the table, as it is for the model. Names are no part of it, so a table
  with names (`.csv`) and one without (`.npz`) agree.

Rows that are equal by chance have equal hashes as well: where features have few values, such rows are expected.
The file is `MLOPSRH1`, the number of data files that could not be hashed, and the sorted hashes
without repetition, each as an unsigned big-endian integer of 8 bytes.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlops_workload.errors import DataInvalidError

Hashes = NDArray[np.uint64]

_MAGIC: Final = b"MLOPSRH1"
_WORD: Final = 8
_MAX_ROWS: Final = 2**27
"""Of a file that is read: 1 GiB."""


class TrainingRows(NamedTuple):
    """Hashes of the rows of a training, sorted; `unhashed` data files of it could not be hashed."""

    hashes: Hashes
    unhashed: int


def hash_rows(features: ArrayLike) -> Hashes:
    """The hash of each row; `features` has shape `(rows, features)`, in the order of the table.

    Raises:
        ValueError: the features are not numbers.
    """
    numbers = np.ascontiguousarray(_single_precision(features))
    return np.fromiter(
        (int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:_WORD], "big") for row in numbers),
        dtype=np.uint64,
        count=len(numbers),
    )


def write_rows(path: Path, hashes: Iterable[Hashes], *, unhashed: int) -> None:
    """Write the hashes to `path`, sorted and without repetition."""
    parts = list(hashes)
    every = np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)
    path.write_bytes(_MAGIC + unhashed.to_bytes(_WORD, "big") + every.astype(">u8").tobytes())


def read_training_rows(path: Path) -> TrainingRows:
    """Read what `write_rows` wrote.

    Raises:
        DataInvalidError: the file is not of that form.
    """
    size = path.stat().st_size
    if size > 2 * _WORD + _MAX_ROWS * _WORD:
        raise DataInvalidError(f"expected at most {_MAX_ROWS} row hashes in {path.name}, found {size} bytes")
    content = path.read_bytes()
    if content[:_WORD] != _MAGIC or len(content) < 2 * _WORD or len(content) % _WORD:
        raise DataInvalidError(f"expected row hashes ({_MAGIC.decode()}) in {path.name}, found another form")
    hashes = np.frombuffer(content, dtype=">u8", offset=2 * _WORD).astype(np.uint64)
    if not bool(np.all(hashes[1:] > hashes[:-1])):
        raise DataInvalidError(f"expected sorted row hashes in {path.name}, found them in another order")
    return TrainingRows(hashes, int.from_bytes(content[_WORD : 2 * _WORD], "big"))


def count_overlap(gate: Hashes, training: TrainingRows) -> int:
    """How many rows of a gate, one hash each, were in the training."""
    return int(np.isin(gate, training.hashes).sum())


def _single_precision(features: ArrayLike) -> NDArray[np.float32]:
    given = np.asarray(features)
    if given.dtype.kind not in "biuf" or given.ndim != 2:
        raise ValueError(f"expected features that are numbers, (rows, features), found {given.dtype} {given.shape}")
    with np.errstate(over="ignore"):
        numbers = given.astype("<f4")
    numbers = numbers + np.float32(0)  # -0.0 becomes 0.0
    numbers[np.isnan(numbers)] = np.float32(np.nan)
    return numbers
