# SPDX-License-Identifier: Apache-2.0
"""Labeled rows from files of every form."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_contract.requests.evaluation import Columns
from mlops_workload.errors import DataInvalidError
from mlops_workload.labels import MISSING_TEXTS, is_missing
from mlops_workload.rows import Rows, concatenate, duplicate_count, read_rows, take


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
    narrow = Rows(np.zeros((1, 2)), np.array([0]), np.array([""]), np.array([True]))
    wide = Rows(np.zeros((1, 3)), np.array([0]), np.array([""]), np.array([True]))
    with pytest.raises(DataInvalidError, match=r"\[2, 3\]"):
        concatenate([narrow, wide])


def written(folder: Path, form: str, labels: list[object], **columns: list[str]) -> Path:
    """A file of the form with one feature, these labels (None is missing) and these further columns."""
    path = folder / f"rows.{form}"
    count = len(labels)
    if form == "csv":
        lines = [",".join(["f", "y", *columns])]
        lines += [
            ",".join([str(row), "" if labels[row] is None else str(labels[row]), *(c[row] for c in columns.values())])
            for row in range(count)
        ]
        path.write_text("\n".join(lines) + "\n")
    elif form == "jsonl":
        lines = [
            json.dumps({"x": [row], "y": labels[row]} | {name: column[row] for name, column in columns.items()})
            for row in range(count)
        ]
        path.write_text("\n".join(lines) + "\n")
    else:
        text = any(isinstance(label, str) for label in labels)
        y = [("nan" if text else np.nan) if label is None else label for label in labels]
        arrays: dict[str, Any] = {name: np.array(column) for name, column in columns.items()}
        np.savez(path, X=np.arange(count)[:, None], y=np.array(y), **arrays)
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
@pytest.mark.parametrize("labels", [[1, None, 0], ["cat", None, "dog"]])
def test_a_missing_label_is_no_label(tmp_path: Path, form: str, labels: list[object]) -> None:
    rows = read_rows(written(tmp_path, form, labels))
    assert rows.labeled.tolist() == [True, False, True]
    assert rows.y[rows.labeled].tolist() == [labels[0], labels[2]]


@pytest.mark.parametrize("text", sorted(MISSING_TEXTS))
def test_every_text_for_missing_is_missing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"f,y\n1,7\n2,{text}\n")
    rows = read_rows(path)
    assert (rows.y[0], rows.labeled.tolist()) == (7, [True, False])


@pytest.mark.parametrize("value", [None, float("nan"), np.float32("nan"), np.datetime64("NaT"), "NaN"])
def test_every_value_for_missing_is_missing(value: object) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "none", "01"])
def test_zero_and_other_words_are_not_missing(value: object) -> None:
    assert not is_missing(value)


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_identity_and_group_are_columns_and_no_features(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form, [1, 0], key=["a", "b"], user=["u", "v"])
    rows = read_rows(path, Columns(id="key", group="user"))
    assert rows.x.shape == (2, 1)
    assert rows.ids is not None
    assert rows.groups is not None
    assert (rows.ids.tolist(), rows.groups.tolist()) == (["a", "b"], ["u", "v"])


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_a_group_column_that_is_not_there_is_an_error_that_lists_those_found(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form, [1, 0], user=["u", "v"])
    with pytest.raises(DataInvalidError, match=r"expected the \w+ 'customer', found .*'y'"):
        read_rows(path, Columns(group="customer"))


def test_a_row_without_a_group_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", [1, 0, 1], user=["u", "", "v"])
    with pytest.raises(DataInvalidError, match="row 2: no value in the group column 'user'"):
        read_rows(path, Columns(group="user"))


@pytest.mark.parametrize("form", ["csv", "jsonl", "npz"])
def test_rows_are_read_without_labels_where_none_are_needed(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}"
    if form == "npz":
        np.savez(path, X=np.ones((2, 1)))
    else:
        path.write_text("f\n1\n1\n" if form == "csv" else '{"x": [1]}\n{"x": [1]}\n')
    with pytest.raises(DataInvalidError, match="'y'"):
        read_rows(path)
    rows = read_rows(path, labels=False)
    assert (rows.x.tolist(), rows.labeled.tolist()) == ([[1.0], [1.0]], [False, False])


def test_a_byte_order_mark_line_ends_and_spaces_in_the_header_are_no_data(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b'\xef\xbb\xbfy, f 1 ,slice\r\n1,"2",a\r\n0,3,\r\n')
    rows = read_rows(path)
    assert (rows.x.tolist(), rows.y.tolist(), rows.slices.tolist()) == ([[2.0], [3.0]], [1, 0], ["a", ""])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["01", "02"], ["01", "02"]),
        (["1", "02"], ["1", "02"]),
        (["1_0", "2"], ["1_0", "2"]),
        (["9" * 30, "1"], [float("9" * 30), 1.0]),
        (["-1", "2"], [-1, 2]),
        (["1.0", "2"], [1.0, 2.0]),
    ],
)
def test_only_numbers_in_their_usual_notation_are_numbers(
    tmp_path: Path, texts: list[str], expected: list[object]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("f,y\n" + "".join(f"1,{text}\n" for text in texts))
    assert read_rows(path).y.tolist() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("f1,y\n1,0\nx,1\n", "row 2, column 'f1': expected a number, found 'x'"),
        ("f1,label\n1,0\n", "expected the columns 'y', found 'f1', 'label'"),
        ("f1,y\n1,0\n1\n", "row 2: expected 2 values, found 1"),
        ("f1,f1,y\n1,2,0\n", "names columns twice: f1"),
        ("f1,y\n", "expected at least one row, found none"),
    ],
)
def test_an_error_names_file_row_and_column(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(DataInvalidError, match=f"rows.csv is malformed: .*{message}"):
        read_rows(path)


def test_labels_of_two_kinds_are_named_by_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": [1], "y": 1}\n{"x": [1], "y": null}\n{"x": [1], "y": "a"}\n')
    with pytest.raises(DataInvalidError, match="labels are text in row 3 and a number in row 1"):
        read_rows(path)


def test_a_missing_feature_is_not_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("f1,f2,y\n1,,0\n,2,1\n")
    assert np.isnan(read_rows(path).x).tolist() == [[False, True], [True, False]]


def test_rows_that_repeat_an_earlier_one_are_counted() -> None:
    rows = Rows(
        x=np.array([[1.0], [1.0], [1.0], [2.0]]),
        y=np.array([0, 0, 1, 0]),
        slices=np.array(["", "", "", ""]),
        labeled=np.array([True, True, True, True]),
    )
    assert duplicate_count(rows) == 1


def test_an_unlabeled_part_takes_the_kind_of_labels_of_the_others(tmp_path: Path) -> None:
    text = read_rows(written(tmp_path, "csv", ["a", "b"]))
    none = take(read_rows(written(tmp_path, "jsonl", [None, None])), np.array([0]))
    joined = concatenate([none, text])
    assert joined.y[joined.labeled].tolist() == ["a", "b"]
    assert joined.labeled.tolist() == [False, True, True]
