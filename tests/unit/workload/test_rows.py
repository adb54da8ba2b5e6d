"""Labelled rows from files of every form."""

from pathlib import Path

import numpy as np
import pytest

from mlops_workload.errors import DataInvalidError
from mlops_workload.rows import Rows, concatenate, read_rows


def check(rows: Rows) -> None:
    assert rows.x.tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert rows.y.tolist() == [0, 1]
    assert rows.slices.tolist() == ["a", ""]


def test_csv_has_features_label_and_slice(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("row,f1,y,f2,slice\n7,1,0,2,a\n8,3,1,4.5,\n")
    check(read_rows(path))


def test_jsonl_has_features_label_and_slice(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": [1, 2], "y": 0, "slice": "a"}\n\n{"x": [3, 4.5], "y": 1}\n')
    check(read_rows(path))


def test_npz_has_features_label_and_slice(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, X=np.array([[1, 2], [3, 4.5]]), y=[0, 1], slice=["a", ""])
    check(read_rows(path))


def test_labels_may_be_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("f1,y\n1,cat\n2,3\n")
    assert read_rows(path).y.tolist() == ["cat", "3"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "f1,y\nx,1\n"),
        ("b.csv", "f1,f2\n1,1\n"),
        ("c.jsonl", '{"x": [1], "y": 0}\n{"x": [1, 2], "y": 0}\n'),
        ("d.jsonl", "{"),
        ("e.npz", "no archive"),
        ("f.parquet", ""),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataInvalidError, match=name.partition(".")[2]):
        read_rows(path)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, X=np.array([[object()]], dtype=object), y=[0])
    with pytest.raises(DataInvalidError, match="malformed"):
        read_rows(path)


def test_data_of_different_widths_do_not_mix() -> None:
    narrow = Rows(np.zeros((1, 2)), np.array([0]), np.array([""]))
    wide = Rows(np.zeros((1, 3)), np.array([0]), np.array([""]))
    with pytest.raises(DataInvalidError, match=r"\[2, 3\]"):
        concatenate([narrow, wide])
