# SPDX-License-Identifier: Apache-2.0
"""What a model is asked, and its predictions as it leaves them for the judge: plain arrays in files, or an error.

The process that writes them runs the model's code, so nothing in them is believed: the judge opens regular files
only, never a pickle, and checks an array's header against the number of rows before it reads the array. `.npy` and
not `.npz`: a file's size bounds the memory that its content takes, while a zip archive can hold a million times its
size.

A folder of predictions holds `labels.npy` (rows), and where probabilities were asked for and the model has them
`probabilities.npy` (rows, classes) and `classes.npy` (classes); or `error.json`, `{"reason", "message"}`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mlops_contract.document import Document
from mlops_contract.text import clean, decode_object
from mlops_workload.errors import DataInvalidError, ModelLoadFailedError, PredictionFailedError, WorkloadError
from mlops_workload.files import open_at

INPUTS: Final = "inputs.npy"
REQUEST: Final = "request.json"
LABELS: Final = "labels.npy"
PROBABILITIES: Final = "probabilities.npy"
CLASSES: Final = "classes.npy"
ERROR: Final = "error.json"

MAX_CLASSES: Final = 10_000
MAX_LABEL_CHARACTERS: Final = 256
MAX_HEADER_BYTES: Final = 4096
"""Of an `.npy` file: numpy's own headers have 128."""

MAX_ERROR_BYTES: Final = 4096
MAX_ERROR_CHARACTERS: Final = 600
MAX_SHOWN_CHARACTERS: Final = 100
"""Of a shape or type that is not as expected, in a message."""

_NUMBERS: Final = "biuf"
"""numpy's kinds of truth values, integers and floating-point numbers."""

_ERRORS: Final[Mapping[str, type[WorkloadError]]] = {
    error.reason: error for error in (ModelLoadFailedError, DataInvalidError, PredictionFailedError)
}
"""What a failed prediction may be called; everything else is `PredictionFailed`."""


@dataclass(frozen=True)
class Request(Document):
    """What a model is asked for beside its labels."""

    title: ClassVar[str] = "prediction request"

    probabilities: bool


class RawPredictions(NamedTuple):
    """Predictions of one model for all rows, checked in form only.

    `probabilities` has one column for each of `classes`; both are None where there are none.
    """

    labels: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    classes: NDArray[Any] | None = None


def write_request(folder: Path, request: Request, inputs: NDArray[np.float64]) -> None:
    """Leave in `folder` what a model is asked."""
    np.save(folder / INPUTS, inputs, allow_pickle=False)
    (folder / REQUEST).write_text(request.to_json(), encoding="utf-8")


def read_request(folder: Path) -> tuple[Request, NDArray[np.float64]]:
    """What a model is asked, and the inputs, shape (rows, features)."""
    request = Request.read((folder / REQUEST).read_bytes())
    return request, np.load(folder / INPUTS, allow_pickle=False)


def write_predictions(folder: Path, predictions: RawPredictions) -> None:
    """Leave predictions in `folder`, which exists."""
    np.save(folder / LABELS, predictions.labels, allow_pickle=False)
    if predictions.probabilities is not None and predictions.classes is not None:
        np.save(folder / PROBABILITIES, predictions.probabilities, allow_pickle=False)
        np.save(folder / CLASSES, predictions.classes, allow_pickle=False)


def write_error(folder: Path, error: WorkloadError) -> None:
    """Leave the reason for which there are no predictions."""
    document = {"reason": error.reason, "message": error.message[:MAX_ERROR_CHARACTERS]}
    (folder / ERROR).write_text(json.dumps(document), encoding="utf-8")


def read_predictions(folder: Path, *, rows: int, role: str) -> RawPredictions:
    """The predictions in `folder` for this number of rows. `role` names the model in errors.

    Raises:
        ModelLoadFailedError, DataInvalidError, PredictionFailedError: the model's container reports why there are
            none, or what it left is not of the form.
    """
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _raise_error(parent, role)
        labels = _read_array(parent, LABELS, role=role, shape=(rows,))
        if labels is None:
            raise PredictionFailedError(f"{role}: its container left no predictions ({LABELS})", role=role)
        classes = _read_array(parent, CLASSES, role=role, shape=(None,))
        if classes is None:
            return RawPredictions(labels)
        probabilities = _read_array(parent, PROBABILITIES, role=role, shape=(rows, len(classes)), kinds="f")
        return RawPredictions(labels, probabilities, classes if probabilities is not None else None)
    finally:
        os.close(parent)


def _read_array(
    parent: int, name: str, *, role: str, shape: tuple[int | None, ...], kinds: str = _NUMBERS + "U"
) -> NDArray[Any] | None:
    """An array of this shape (None: any number up to `MAX_CLASSES`); None where there is no such file."""
    try:
        with _regular(parent, name) as stream:
            return _parse(stream, shape, kinds)
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever the bytes make numpy's parser do, there are no predictions
        message = error.message if isinstance(error, WorkloadError) else f"{type(error).__name__}: {error}"
        raise PredictionFailedError(f"{role}: {name}: {_words(message)}", role=role) from error


def _regular(parent: int, name: str) -> BinaryIO:
    descriptor = open_at(parent, name, name=name)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataInvalidError("expected a file, found a folder")
    return os.fdopen(descriptor, "rb")


def _parse(stream: BinaryIO, shape: tuple[int | None, ...], kinds: str) -> NDArray[Any]:
    size = os.fstat(stream.fileno()).st_size
    version = npy.read_magic(stream)
    if version == (1, 0):
        found, fortran, dtype = npy.read_array_header_1_0(stream, max_header_size=MAX_HEADER_BYTES)
    elif version == (2, 0):
        found, fortran, dtype = npy.read_array_header_2_0(stream, max_header_size=MAX_HEADER_BYTES)
    else:
        raise DataInvalidError(f"expected version 1.0 or 2.0 of the npy format, found {version}")
    if not _fits(found, shape):
        wanted = tuple("classes" if length is None else length for length in shape)
        raise DataInvalidError(f"expected shape {wanted}, found {_short(found)}")
    if dtype.hasobject or dtype.kind not in kinds or not 0 < dtype.itemsize <= 4 * MAX_LABEL_CHARACTERS:
        raise DataInvalidError(
            f"expected numbers or text of at most {MAX_LABEL_CHARACTERS} characters, found dtype {_short(dtype)}"
        )
    count = int(np.prod(found, dtype=np.int64))
    if size - stream.tell() != count * dtype.itemsize:
        raise DataInvalidError(
            f"expected {count * dtype.itemsize} bytes after the header, found {size - stream.tell()}"
        )
    values = np.frombuffer(stream.read(count * dtype.itemsize), dtype=dtype, count=count)
    return values.reshape(found, order="F" if fortran else "C")


def _fits(found: tuple[Any, ...], shape: tuple[int | None, ...]) -> bool:
    if len(found) != len(shape):
        return False
    return all(
        0 < length <= MAX_CLASSES if wanted is None else length == wanted for length, wanted in zip(found, shape)
    )


def _raise_error(parent: int, role: str) -> None:
    try:
        with _regular(parent, ERROR) as stream:
            text = stream.read(MAX_ERROR_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return
    except (OSError, DataInvalidError) as error:
        raise PredictionFailedError(f"{role}: {ERROR} is no regular file", role=role) from error
    reason, message = PredictionFailedError.reason, text
    document = decode_object(text) or {}
    if {"reason", "message"} <= document.keys():  # any other text is shown as it is, cleaned
        reason, message = str(document["reason"]), str(document["message"])
    raise _ERRORS.get(reason, PredictionFailedError)(f"{role}: {_words(message)}", role=role)


def _words(message: str) -> str:
    return clean(message, MAX_ERROR_CHARACTERS) or "no message"


def _short(value: object) -> str:
    return clean(str(value), MAX_SHOWN_CHARACTERS)
