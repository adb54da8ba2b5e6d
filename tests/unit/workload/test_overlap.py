# SPDX-License-Identifier: Apache-2.0
"""Overlap of a gate's rows with the rows of a training: counted exactly, and unknown where hashes are missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_workload.errors import DataInvalidError
from mlops_workload.overlap import overlap_counts
from mlops_workload.row_hashes import hash_rows, write_rows
from mlops_workload.rows import Rows, read_rows
from mlops_workload.training_rows import prepare

X = np.random.default_rng(3).normal(size=(300, 4))


def gate(tmp_path: Path, features: Any = X[200:]) -> Rows:
    np.savez(tmp_path / "gate.npz", X=features, y=np.zeros(len(features)))
    return read_rows(tmp_path / "gate.npz")


def trained_on(tmp_path: Path, features: Any, *, unhashed: int = 0) -> Path:
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.bin"
    write_rows(path, [hash_rows(features)], unhashed=unhashed)
    return path


@pytest.mark.parametrize("shared", [0, 1, 100])
def test_shared_rows_are_counted_for_each_model(shared: int, tmp_path: Path) -> None:
    candidate, baseline = trained_on(tmp_path, X[: 200 + shared]), trained_on(tmp_path, X[:150])
    counts = overlap_counts(gate(tmp_path), {"candidate": candidate, "baseline": baseline})
    assert counts == {"overlap.rows": 100, "overlap.candidate": shared, "overlap.baseline": 0}


def test_without_hashes_nothing_is_known(tmp_path: Path) -> None:
    counts = overlap_counts(gate(tmp_path), {"baseline": trained_on(tmp_path, X[:5])})
    assert counts == {"overlap.rows": 100, "overlap.baseline": 0}
    assert overlap_counts(gate(tmp_path), {}) == {}


@pytest.mark.parametrize(("rows", "counts"), [(200, {}), (203, {"overlap.candidate": 3})])
def test_with_files_that_were_not_hashed_only_an_overlap_is_known(
    rows: int, counts: dict[str, int], tmp_path: Path
) -> None:
    found = overlap_counts(gate(tmp_path), {"candidate": trained_on(tmp_path, X[:rows], unhashed=1)})
    assert found == {"overlap.rows": 100} | counts


def test_a_training_table_of_another_form_is_recognized(tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    lines = [",".join([*(repr(float(value)) for value in row), "1"]) for row in X[190:210]]
    table.write_text("\n".join(["a,b,c,d,y", *lines]))
    path = tmp_path / "rows.bin"
    write_rows(path, prepare(table, tmp_path, None).hashes, unhashed=0)
    assert overlap_counts(gate(tmp_path), {"candidate": path})["overlap.candidate"] == 10


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.bin").write_bytes(b"anything")
    with pytest.raises(DataInvalidError, match="row hashes"):
        overlap_counts(gate(tmp_path), {"candidate": tmp_path / "rows.bin"})
