"""Reading a prediction log that is being written."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_workload.prediction_log import LogWindow, parse_row, read_window

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
END = datetime(2026, 1, 1, 13, 0, tzinfo=UTC)
INSIDE = START.timestamp() + 60


def line(**fields: Any) -> str:
    return json.dumps({"ts": INSIDE, "model_version": "a", "prediction": 1, "label": 1} | fields) + "\n"


def window(folder: Path, *lines: str, version: str | None = None) -> LogWindow:
    (folder / "log.jsonl").write_text("".join(lines))
    return read_window(folder, start=START, end=END, model_version=version)


def test_a_window_is_half_open(tmp_path: Path) -> None:
    found = window(
        tmp_path,
        line(ts=START.timestamp()),
        line(ts=END.timestamp() - 0.001),
        line(ts=END.timestamp()),
        line(ts=START.timestamp() - 0.001),
    )
    assert [row.time for row in found.rows] == [START.timestamp(), END.timestamp() - 0.001]


@pytest.mark.parametrize("ts", ["2026-01-01T12:30:00Z", "2026-01-01T14:30:00.250+02:00", "2026-01-01T12:30:00"])
def test_times_may_be_rfc_3339(tmp_path: Path, ts: str) -> None:
    assert len(window(tmp_path, line(ts=ts)).rows) == 1


def test_only_the_rows_of_the_version_asked_for(tmp_path: Path) -> None:
    found = window(tmp_path, line(), line(model_version="b"), version="b")
    assert [row.model_version for row in found.rows] == ["b"]


def test_a_last_line_still_being_written_is_no_mistake(tmp_path: Path) -> None:
    found = window(tmp_path, line(), line()[:20])
    assert (len(found.rows), found.malformed) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "not json\n",
        "[1]\n",
        '{"prediction": 1}\n',
        '{"ts": 1}\n',
        '{"ts": "yesterday", "prediction": 1}\n',
        '{"ts": NaN, "prediction": 1}\n',
        '{"ts": true, "prediction": 1}\n',
        '{"ts": 1, "prediction": [1]}\n',
        "\udcff\n",
    ],
)
def test_malformed_lines_are_counted(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.jsonl").write_bytes((line() + text + line()).encode(errors="surrogateescape"))
    found = read_window(tmp_path, start=START, end=END)
    assert (len(found.rows), found.malformed) == (2, 1)


def test_a_row_written_again_replaces_the_first_so_that_labels_may_come_late(tmp_path: Path) -> None:
    found = window(tmp_path, line(id="x", label=None), line(id="x", label=7), line(id="y"))
    assert [row.label for row in found.rows] == [7, 1]
    assert found.replaced == 1


def test_files_of_all_folders_are_read_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "a.jsonl").write_text(line())
    (tmp_path / "b.jsonl").write_text(line())
    (tmp_path / "c.tmp").write_text(line())
    assert len(read_window(tmp_path, start=START, end=END).rows) == 2


def test_a_file_last_written_long_before_the_window_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text("malformed\n")
    os.utime(path, (START.timestamp() - 301, START.timestamp() - 301))
    assert read_window(tmp_path, start=START, end=END).malformed == 0


def test_the_digest_is_that_of_the_lines_used(tmp_path: Path) -> None:
    one = window(tmp_path, line(), line(ts=0)).digest
    assert window(tmp_path, line(), line(ts=1)).digest == one
    assert window(tmp_path, line(), line(ts=INSIDE + 1)).digest != one


def test_an_unanswered_request_is_a_row_without_prediction() -> None:
    parsed = parse_row(line(prediction=None, id=5).encode())
    assert parsed is not None
    assert (parsed[0], parsed[1].prediction) == ("5", None)
