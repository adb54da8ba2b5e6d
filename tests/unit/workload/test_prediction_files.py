# SPDX-License-Identifier: Apache-2.0
"""What a foreign process leaves as its predictions: taken if it is of the form, refused with the role otherwise."""

import io
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from mlops_workload.errors import WorkloadError
from mlops_workload.prediction_files import (
    CLASSES,
    ERROR,
    LABELS,
    MAX_ERROR_CHARACTERS,
    PROBABILITIES,
    RawPredictions,
    read_predictions,
    write_error,
    write_predictions,
)

ROWS = 5


def read(folder: Path) -> RawPredictions:
    return read_predictions(folder, rows=ROWS, role="candidate")


def refusal(folder: Path) -> WorkloadError:
    with pytest.raises(WorkloadError) as caught:
        read(folder)
    assert caught.value.details == {"role": "candidate"}
    assert caught.value.message.startswith("candidate: ")
    return caught.value


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(ROWS),
        np.arange(ROWS, dtype=np.float32),
        np.array([True, False, True, False, True]),
        np.array(["a", "bb", "", "ä", "e"]),
        np.array([1.0, np.nan, np.inf, 0.0, -1.0]),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_predictions_arrive_as_they_were_left(tmp_path: Path, labels: Any) -> None:
    probabilities = np.asfortranarray(np.random.default_rng(0).random((ROWS, 2)))
    write_predictions(tmp_path, RawPredictions(labels, probabilities, np.array(["x", "y"])))
    found = read(tmp_path)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.probabilities, probabilities)
    np.testing.assert_array_equal(found.classes, ["x", "y"])


def test_without_probabilities_there_are_no_classes(tmp_path: Path) -> None:
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS)))
    assert read(tmp_path)[1:] == (None, None)


def test_classes_without_their_probabilities_are_none(tmp_path: Path) -> None:
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS), np.ones((ROWS, 1)), np.zeros(1)))
    assert read(tmp_path).classes is not None, "one class is enough"
    (tmp_path / PROBABILITIES).unlink()
    assert read(tmp_path)[1:] == (None, None)


@pytest.mark.parametrize(("length", "fits"), [(255, True), (256, True), (257, False)])
def test_labels_have_at_most_256_characters(tmp_path: Path, length: int, fits: bool) -> None:
    write_predictions(tmp_path, RawPredictions(np.array(["ä" * length] * ROWS)))
    if fits:
        assert read(tmp_path).labels.tolist() == ["ä" * length] * ROWS
    else:
        assert "text of at most 256 characters" in refusal(tmp_path).message


def test_the_second_version_of_the_format_is_read_too(tmp_path: Path) -> None:
    with (tmp_path / LABELS).open("wb") as stream:
        npy.write_array(stream, np.arange(ROWS), version=(2, 0))
    assert read(tmp_path).labels.tolist() == list(range(ROWS))


# -- not a regular file --------------------------------------------------------------------------


def _link_to_a_file(path: Path) -> None:
    np.save(path.parent / "other.npy", np.arange(ROWS))
    path.symlink_to(path.parent / "other.npy")


def _socket(path: Path) -> None:
    os.chdir(path.parent)  # the path of a socket has at most 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


NOT_FILES: dict[str, Callable[[Path], None]] = {
    "link": _link_to_a_file,
    "dangling-link": lambda path: path.symlink_to("/nowhere"),
    "link-to-itself": lambda path: path.symlink_to(path),
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "socket": _socket,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", NOT_FILES.values(), ids=NOT_FILES.keys())
@pytest.mark.parametrize("name", [LABELS, PROBABILITIES, CLASSES, ERROR])
def test_what_is_no_regular_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS), np.ones((ROWS, 1)), np.zeros(1)))
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    assert refusal(tmp_path).reason == "PredictionFailed"


def test_nothing_at_all_is_named(tmp_path: Path) -> None:
    assert "left no predictions" in refusal(tmp_path).message


# -- not the array that was asked for ------------------------------------------------------------


def saved(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def header(shape: tuple[int, ...], descr: Any = "<i8", *, fortran: bool = False) -> bytes:
    """A header alone: what it announces need not follow."""
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"shape": shape, "fortran_order": fortran, "descr": descr})
    return stream.getvalue()


CONTENTS = {
    "empty": (b"", "labels.npy"),
    "text": (b"not an array", "magic"),
    "a-zip-archive": (b"PK\x03\x04" + b"\x00" * 60, "magic"),
    "a-pickle": (saved(np.array([object()] * ROWS, dtype=object), allow_pickle=True), "dtype"),
    "an-announced-object-array": (header((ROWS,), "|O") + b"cos\nsystem\n.", "dtype"),
    "one-row-less": (saved(np.arange(ROWS - 1)), "shape"),
    "one-row-more": (saved(np.arange(ROWS + 1)), "shape"),
    "no-rows": (saved(np.arange(0)), "shape"),
    "two-dimensions": (saved(np.zeros((ROWS, 1))), "shape"),
    "a-scalar": (saved(np.float64(1)), "shape"),
    "a-million-million-rows": (header((10**12,)), "shape"),
    "a-negative-length": (header((-5,)), "shape"),
    "a-length-that-is-true": (header((True,)), "labels.npy"),
    "records": (saved(np.zeros(ROWS, dtype=[("a", "i4")])), "dtype"),
    "bytes": (saved(np.array([b"a"] * ROWS)), "dtype"),
    "times": (saved(np.zeros(ROWS, dtype="M8[s]")), "dtype"),
    "complex": (saved(np.zeros(ROWS, dtype=np.complex128)), "dtype"),
    "items-of-no-size": (header((ROWS,), "<U0"), "dtype"),
    "items-of-a-gigabyte": (header((ROWS,), "<U268435456"), "dtype"),
    "subarrays": (header((ROWS,), ("<f8", (1000, 1000))), "labels.npy"),
    "less-than-announced": (saved(np.arange(ROWS))[:-1], "bytes after the header"),
    "more-than-announced": (saved(np.arange(ROWS)) + b"\x00", "bytes after the header"),
    "a-header-without-end": (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60000, "labels.npy"),
    "a-nested-header": (b"\x93NUMPY\x01\x00\x10\x0e" + b"(" * 3600, "labels.npy"),
    "a-header-of-4-gigabytes": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "labels.npy"),
    "version-3": (b"\x93NUMPY\x03\x00" + saved(np.arange(ROWS))[8:], "version"),
}


@pytest.mark.parametrize(("content", "words"), CONTENTS.values(), ids=CONTENTS.keys())
def test_what_is_not_the_array_that_was_asked_for_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / LABELS).write_bytes(content)
    error = refusal(tmp_path)
    assert error.reason == "PredictionFailed"
    assert words in error.message
    assert len(error.message) < 1000


def test_an_oversized_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / LABELS
    path.write_bytes(header((ROWS,)))
    os.truncate(path, 1 << 40)  # sparse: a terabyte that takes no place
    assert "bytes after the header" in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("probabilities", "classes"),
    [
        (np.ones((ROWS, 3)), np.arange(2)),
        (np.ones((ROWS - 1, 2)), np.arange(2)),
        (np.ones(ROWS), np.arange(2)),
        (np.ones((ROWS, 2), dtype=np.int64), np.arange(2)),
        (np.ones((ROWS, 0)), np.arange(0)),
        (np.ones((ROWS, 10_001)), np.arange(10_001)),
    ],
)
def test_probabilities_fit_rows_and_classes(tmp_path: Path, probabilities: Any, classes: Any) -> None:
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS), probabilities, classes))
    assert refusal(tmp_path).reason == "PredictionFailed"


def test_ten_thousand_classes_are_taken(tmp_path: Path) -> None:
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS), np.ones((ROWS, 10_000)), np.arange(10_000)))
    assert read(tmp_path).probabilities is not None


# -- the words of a failed prediction ------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "reason", "words"),
    [
        ('{"reason": "ModelLoadFailed", "message": "no module named x"}', "ModelLoadFailed", "no module named x"),
        ('{"reason": "DataInvalid", "message": "64 features"}', "DataInvalid", "64 features"),
        ('{"reason": "PredictionFailed", "message": "m"}', "PredictionFailed", "m"),
        ('{"reason": "ArtifactCorrupt", "message": "m"}', "PredictionFailed", "m"),
        ('{"reason": "Succeeded", "message": "m"}', "PredictionFailed", "m"),
        ('{"reason": ["ModelLoadFailed"], "message": "m"}', "PredictionFailed", "m"),
        ('{"reason": "ModelLoadFailed"}', "PredictionFailed", "ModelLoadFailed"),
        ("not json", "PredictionFailed", "not json"),
        ("", "PredictionFailed", "no message"),
        ("[" * 4000, "PredictionFailed", "[[["),
        (
            '{"reason": "ModelLoadFailed", "message": "\\ud800\\u001b[31mred\\u0000\\nline"}',
            "ModelLoadFailed",
            "[31mred line",
        ),
    ],
)
def test_the_words_of_a_failed_prediction_are_its_own_but_bounded(
    tmp_path: Path, document: str, reason: str, words: str
) -> None:
    write_predictions(tmp_path, RawPredictions(np.arange(ROWS)))
    (tmp_path / ERROR).write_text(document)
    error = refusal(tmp_path)
    assert (error.reason, words in error.message) == (reason, True)
    assert len(error.message) <= MAX_ERROR_CHARACTERS + len("candidate: ")
    assert error.message.isprintable()
    json.dumps(error.message).encode()
    error.message.encode()


@pytest.mark.parametrize("size", [4096, 4097, 1 << 20])
def test_a_long_error_is_cut(tmp_path: Path, size: int) -> None:
    (tmp_path / ERROR).write_bytes(b"\xff" * size)
    assert refusal(tmp_path).reason == "PredictionFailed"


def test_an_error_of_ours_arrives(tmp_path: Path) -> None:
    class Loud(WorkloadError):
        reason = "ModelLoadFailed"

    write_error(tmp_path, Loud("x" * 10_000))
    assert refusal(tmp_path).reason == "ModelLoadFailed"
