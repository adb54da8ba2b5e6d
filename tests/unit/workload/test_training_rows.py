# SPDX-License-Identifier: Apache-2.0
"""The rows of a training's inputs: no held-out row is left, the others are unchanged and hashed."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_workload.errors import DataInvalidError
from mlops_workload.holdout import Holdout
from mlops_workload.row_hashes import hash_rows
from mlops_workload.training_rows import PreparedInput, prepare

HOLDOUT = Holdout(key="model-uid", share=0.3)
COUNT = 400
IDS = np.arange(1000, 1000 + COUNT)
HELD = np.asarray([HOLDOUT.holds(int(number)) for number in IDS])
X = np.random.default_rng(5).normal(size=(COUNT, 3)).round(4)
Y = np.arange(COUNT) % 4


def as_npz(folder: Path, **extra: Any) -> Path:
    path = folder / "train.npz"
    np.savez(path, X=X, y=Y, id=IDS, names=np.asarray(["a", "b", "c"]), **extra)
    return path


def as_csv(folder: Path) -> Path:
    path = folder / "train.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", *"cab", "y"])
        writer.writerows([IDS[number], *X[number], Y[number]] for number in range(COUNT))
    return path


def as_jsonl(folder: Path, *, named: bool = False) -> Path:
    path = folder / "train.jsonl"
    lines = [
        {"id": str(IDS[n]), "x": dict(zip("cab", X[n], strict=True)) if named else X[n].tolist(), "y": int(Y[n])}
        for n in range(COUNT)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def hashes(prepared: PreparedInput) -> set[int]:
    return {int(value) for part in prepared.hashes for value in part}


def test_there_is_something_to_hold_out() -> None:
    assert 0 < HELD.sum() < COUNT


@pytest.mark.parametrize("write", [as_npz, as_csv, as_jsonl], ids=["npz", "csv", "jsonl"])
def test_held_out_rows_are_counted_and_removed(write: Any, tmp_path: Path) -> None:
    source = write(tmp_path)
    content = source.read_bytes()
    prepared = prepare(source, tmp_path, HOLDOUT)
    assert (prepared.rows, prepared.held_out, prepared.identified) == (COUNT, HELD.sum(), True)
    assert prepared.path != source
    assert prepared.path.name == source.name
    assert source.read_bytes() == content
    assert prepared.unhashed == 0
    assert len(hashes(prepared)) == COUNT - HELD.sum()


def test_the_rows_that_are_left_are_unchanged(tmp_path: Path) -> None:
    weights, few = np.linspace(0, 1, COUNT), np.arange(5)
    with np.load(prepare(as_npz(tmp_path, weights=weights, few=few), tmp_path, HOLDOUT).path) as arrays:
        assert arrays["id"].tolist() == IDS[~HELD].tolist()
        assert np.array_equal(arrays["X"], X[~HELD])
        assert np.array_equal(arrays["weights"], weights[~HELD])
        assert arrays["few"].tolist() == [0, 1, 2, 3, 4]
        assert arrays["names"].tolist() == ["a", "b", "c"]
    table = prepare(as_csv(tmp_path), tmp_path, HOLDOUT).path
    with table.open(newline="") as stream:
        assert [int(line["id"]) for line in csv.DictReader(stream)] == IDS[~HELD].tolist()
    lines = prepare(as_jsonl(tmp_path), tmp_path, HOLDOUT).path.read_text().splitlines()
    assert [json.loads(line)["x"] for line in lines] == X[~HELD].tolist()


def test_all_forms_of_a_table_have_the_same_hashes(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    tables = [as_npz(folders[0]), as_csv(folders[1]), as_jsonl(folders[2]), as_jsonl(folders[3], named=True)]
    found = [hashes(prepare(table, tmp_path, None)) for table in tables]
    assert found[0] == found[1] == found[2] == found[3] == {int(value) for value in hash_rows(X)}


def test_missing_features_are_the_same_in_all_forms(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=[[1.0, np.nan]], y=[1])
    (tmp_path / "a.csv").write_text("a,b,y\n1,,1\n")
    (tmp_path / "b.csv").write_text("a,b,y\n1,NA,1\n")
    (tmp_path / "a.jsonl").write_text('{"x": [1, null], "y": 1}\n')
    found = [hashes(prepare(tmp_path / name, tmp_path, None)) for name in ("a.npz", "a.csv", "b.csv", "a.jsonl")]
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0]) == 1


def test_the_group_decides_before_the_id(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    group = [number // 10 for number in range(COUNT)]
    rows = [{"id": f"request-{n}", "group": group[n], "x": X[n].tolist(), "y": 1} for n in range(COUNT)]
    rows[0]["group"] = None
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    left = [json.loads(line) for line in prepare(path, tmp_path, HOLDOUT).path.read_text().splitlines()]
    expected = [row for row in rows if not HOLDOUT.holds(row["id"] if row["group"] is None else row["group"])]
    assert left == expected
    assert len(left) < COUNT


def test_a_prediction_log_keeps_labels_that_came_later_and_lines_that_are_no_rows(tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    folder.mkdir()
    held, free = int(IDS[HELD][0]), int(IDS[~HELD][0])
    rows = [{"ts": 1.0, "id": number, "prediction": 1, "inputs": X[0].tolist(), "label": 1} for number in (held, free)]
    kept = [json.dumps(rows[1]), json.dumps({"id": held, "label": 3}), '{"cut": ', "[" * 100_000]
    (folder / "a.jsonl").write_text("\n".join([json.dumps(rows[0]), *kept]))
    (folder / "README").write_text("about this log")
    prepared = prepare(folder, tmp_path, HOLDOUT)
    assert (prepared.path / "a.jsonl").read_text().splitlines() == kept
    assert (prepared.path / "README").read_text() == "about this log"
    assert (prepared.rows, prepared.held_out, prepared.unhashed) == (2, 1, 1)
    assert hashes(prepared) == {int(hash_rows(X[:1])[0])}


def test_a_table_without_identity_is_used_in_place(tmp_path: Path) -> None:
    path = tmp_path / "train.npz"
    np.savez(path, X=X, y=Y)
    prepared = prepare(path, tmp_path, HOLDOUT)
    assert prepared.path == path
    assert (prepared.rows, prepared.held_out, prepared.identified) == (COUNT, 0, False)
    assert len(hashes(prepared)) == COUNT
    assert [entry.name for entry in tmp_path.iterdir()] == ["train.npz"]


def test_without_a_holdout_every_input_is_used_in_place(tmp_path: Path) -> None:
    path = as_csv(tmp_path)
    assert prepare(path, tmp_path, None).path == path


def test_a_byte_order_mark_hides_no_identity(tmp_path: Path) -> None:
    path = as_csv(tmp_path)
    path.write_text("\ufeff" + path.read_text())
    assert prepare(path, tmp_path, HOLDOUT).held_out == HELD.sum()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.csv", "id,plan,y\n1,basic,0\n"),
        ("target.csv", "id,a,price\n1,2,3\n"),
        ("flat.jsonl", '{"id": 1, "age": 3, "y": 1}\n'),
        ("nested.jsonl", '{"id": 1, "x": [[1]], "y": 1}\n'),
        ("text.jsonl", '{"id": 1, "x": ["basic"], "y": 1}\n'),
        ("image.png", "no table"),
    ],
)
def test_files_that_cannot_be_hashed_are_counted(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    prepared = prepare(tmp_path / name, tmp_path, None)
    assert (hashes(prepared), prepared.unhashed) == (set(), 1)


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b'id,a,y\n"1,2\n'), ("b.npz", b"no archive"), ("c.csv", b"id,a,y\n\xff,1,1\n")]
)
def test_a_table_that_cannot_be_read_is_refused_where_rows_are_held_out(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert prepare(tmp_path / name, tmp_path, None).unhashed == 1
    with pytest.raises(DataInvalidError, match="held-out rows cannot be removed"):
        prepare(tmp_path / name, tmp_path, HOLDOUT)
