# SPDX-License-Identifier: Apache-2.0
"""Hashes of rows: equal for equal rows in all kinds of tables, and overlap is counted exactly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_workload import row_hashes
from mlops_workload.errors import DataInvalidError
from mlops_workload.row_hashes import (
    TrainingRows,
    count_overlap,
    hash_rows,
    read_training_rows,
    write_rows,
)


def row_hash(features: Any) -> int:
    return int(hash_rows(np.asarray(features)[np.newaxis, :])[0])


def test_the_hash_is_pinned() -> None:
    """A change here would hide the overlap with trainings of the past."""
    assert row_hash([1.0, 2.5, -3.0]) == PINNED


PINNED = 7219442391922864131


@pytest.mark.parametrize(
    "features",
    [[1, 2, 0], [1.0, 2.0, -0.0], np.asarray([1, 2, 0], dtype=np.float32), np.asarray([1, 2, 0], dtype=np.uint8)],
    ids=["integers", "negative zero", "single precision", "bytes"],
)
def test_equal_rows_have_equal_hashes(features: Any) -> None:
    assert row_hash(features) == row_hash([1.0, 2.0, 0.0])


def test_a_value_in_single_and_in_double_precision_is_one() -> None:
    values = np.random.default_rng(7).normal(size=(50, 4))
    assert np.array_equal(hash_rows(values), hash_rows(values.astype(np.float32)))


def test_missing_values_are_equal() -> None:
    other = np.frombuffer(np.uint64(0x7FF8000000000123).tobytes(), dtype=np.float64)
    assert np.isnan(other[0])
    assert row_hash(other) == row_hash([np.nan])


@pytest.mark.parametrize(
    "features",
    [[1.0, 2.0, 0.5], [2.0, 1.0, 0.0], [1.0, 2.0], [1.0, 2.0, 0.0, 0.0]],
    ids=["value", "order", "fewer", "more"],
)
def test_different_rows_have_different_hashes(features: list[float]) -> None:
    assert row_hash(features) != row_hash([1.0, 2.0, 0.0])


@pytest.mark.parametrize("features", [[["a"]], [[object()]], [[None]]], ids=["text", "object", "none"])
def test_features_that_are_no_numbers_are_refused(features: Any) -> None:
    with pytest.raises(ValueError, match="numbers"):
        hash_rows(features)


def test_hashes_survive_the_file_sorted_and_once(tmp_path: Path) -> None:
    path = tmp_path / "training-rows.bin"
    values = np.asarray([2**64 - 1, 5, 5, 0], dtype=np.uint64)
    write_rows(path, [values, values[:2]], unhashed=3)
    rows = read_training_rows(path)
    assert rows.hashes.tolist() == [0, 5, 2**64 - 1]
    assert rows.unhashed == 3
    assert path.stat().st_size == 16 + 3 * 8


def test_a_training_without_rows_has_a_file_too(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.bin", [], unhashed=1)
    rows = read_training_rows(tmp_path / "rows.bin")
    assert (rows.hashes.tolist(), rows.unhashed) == ([], 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"MLOPSRH1", b"MLOPSRH2" + bytes(16), b"MLOPSRH1" + bytes(9), b"MLOPSRH1" + bytes(24)],
    ids=["empty", "no count", "another version", "cut", "repeated"],
)
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.bin"
    path.write_bytes(content)
    with pytest.raises(DataInvalidError, match="row hashes"):
        read_training_rows(path)


@pytest.mark.parametrize(("rows", "fits"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_file_has_a_bounded_number_of_rows(
    rows: int, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_hashes, "_MAX_ROWS", 2)
    path = tmp_path / "rows.bin"
    write_rows(path, [np.arange(rows, dtype=np.uint64)], unhashed=0)
    if fits:
        assert read_training_rows(path).hashes.tolist() == list(range(rows))
    else:
        with pytest.raises(DataInvalidError, match="expected at most 2 row hashes"):
            read_training_rows(path)


@pytest.mark.parametrize("shared", [0, 1, 37])
def test_overlap_is_counted_exactly(shared: int) -> None:
    generator = np.random.default_rng(11)
    trained, gate = generator.normal(size=(500, 6)), generator.normal(size=(200, 6))
    gate[:shared] = trained[100 : 100 + shared]
    training = TrainingRows(np.unique(hash_rows(trained)), 0)
    assert count_overlap(hash_rows(gate), training) == shared


def test_a_row_that_is_twice_in_the_gate_counts_twice() -> None:
    rows = np.asarray([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    assert count_overlap(hash_rows(rows), TrainingRows(hash_rows(rows[:1]), 0)) == 2
