# SPDX-License-Identifier: Apache-2.0
"""Which files of a prediction log are read, at what cost, and what any bytes in them do."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_workload.prediction_log_notes import MAX_NOTE_BYTES, MAX_NOTES, notes
from tests.unit.workload.log_lines import INSIDE, LONG_AGO, START, bare, labels, line, named, read, window


def test_files_of_all_folders_are_read_and_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.jsonl").write_text(line())
    (tmp_path / "b.jsonl").write_text(line())
    (tmp_path / "log.json").write_text(line())
    (tmp_path / ".b.jsonl.swp").write_text(line())
    found = read(tmp_path)
    assert len(found.rows) == 2
    assert named(found) == "1 file without the ending .jsonl: log.json"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("a.jsonl")], ids=["fifo", "link"])
def test_what_is_no_regular_file_is_not_read_and_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "a.jsonl").write_text(line())
    make(tmp_path / "b.jsonl")
    os.utime(tmp_path / "b.jsonl", (LONG_AGO, LONG_AGO), follow_symlinks=False)
    found = read(tmp_path)
    assert len(found.rows) == 1
    assert "b.jsonl" in named(found)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    assert named(read(tmp_path)) == "the folder holds no files"


def old(path: Path, age: float = 0.0) -> None:
    os.utime(path, (LONG_AGO - age, LONG_AGO - age))


def test_a_restored_file_with_an_old_modification_time_is_read(tmp_path: Path) -> None:
    window(tmp_path, *(line(ts=LONG_AGO + number) for number in range(5000)))
    old(tmp_path / "log.jsonl")
    assert len(read(tmp_path).rows) == 5000 - 3601


def test_a_file_that_is_old_by_time_and_content_is_skipped_and_named(tmp_path: Path) -> None:
    window(tmp_path, *(line(ts=LONG_AGO - number) for number in range(5000)))
    path = tmp_path / "log.jsonl"
    assert read(tmp_path).skipped.outside == 5000
    old(path)
    found = read(tmp_path)
    assert found.skipped.outside == 0
    assert named(found) == "1 file not read: written before the window, as were the rows in it"


def test_an_old_file_with_labels_is_read(tmp_path: Path) -> None:
    (tmp_path / "truth.jsonl").write_text(bare(id="x", label=7, ts=LONG_AGO - 5) * 100)
    old(tmp_path / "truth.jsonl")
    assert labels(window(tmp_path, line(id="x", label=None))) == [7]


def test_the_digest_is_that_of_the_rows_used(tmp_path: Path) -> None:
    one = window(tmp_path, line(id=1), line(id=2, ts=0)).digest
    assert window(tmp_path, line(id=1), line(id=2, ts=1)).digest == one
    assert window(tmp_path, line(id=1, ts=INSIDE + 1)).digest != one
    assert window(tmp_path, line(id=1, label=2)).digest != one


def test_memory_grows_with_the_window_and_not_with_the_log(tmp_path: Path) -> None:
    rows = 5_000
    with (tmp_path / "log.jsonl").open("w") as stream:
        stream.writelines(line(id=f"request-{n}", ts=START.timestamp() - rows + n + 200) for n in range(rows))
        stream.writelines(bare(id=f"request-{n}", label=1) for n in range(rows))
    tracemalloc.start()
    found = read(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.rows) == 200
    assert peak < 1_000_000


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([INSIDE, INSIDE * 1e3, "2026-01-01T12:30:00Z", "a", "x"]),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2)
FIELDS = st.sampled_from(["ts", "id", "model_version", "prediction", "label", "v", "other"])
ROWS = st.dictionaries(FIELDS, VALUES, max_size=7).map(lambda row: json.dumps(row).encode())
LIKELY = st.fixed_dictionaries(
    {}, optional={"ts": st.just(INSIDE), "model_version": st.just("a"), "id": st.integers(0, 3), "label": SCALARS}
).map(lambda row: json.dumps(row | {"prediction": 1}).encode())
LINES = st.lists(ROWS | LIKELY | st.binary(max_size=40), max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.booleans())
def test_any_bytes_make_a_window_with_bounded_notes(tmp_path: Path, lines: list[bytes], ended: bool) -> None:
    (tmp_path / "fuzz.jsonl").write_bytes(b"\n".join(lines) + b"\n" * ended)
    found = read(tmp_path)
    said = notes(found, version="a")
    assert len(found.rows) <= len(lines) * 41
    assert len(said) <= MAX_NOTES
    assert all(
        note.isprintable() and len(json.dumps(note, ensure_ascii=False).encode()) <= MAX_NOTE_BYTES for note in said
    )
    if not found.rows:
        # Never silent: an empty window names what there was, unless the one file holds nothing but an unfinished line.
        assert said or not any(item.strip() for item in b"\n".join(lines).split(b"\n")[: -1 if not ended else None])
