# SPDX-License-Identifier: Apache-2.0
"""Reading a prediction log that is being written."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from mlops_workload.prediction_row import MAX_LINE_BYTES
from tests.unit.workload.log_lines import END, INSIDE, LONG_AGO, START, bare, labels, line, named, read, window


def test_a_window_is_half_open(tmp_path: Path) -> None:
    found = window(
        tmp_path,
        line(ts=START.timestamp()),
        line(ts=END.timestamp() - 0.001),
        line(ts=END.timestamp()),
        line(ts=START.timestamp() - 0.001),
    )
    assert [row.time for row in found.rows] == [START.timestamp(), END.timestamp() - 0.001]
    assert found.skipped.outside == 2


@pytest.mark.parametrize(
    "ts",
    [
        "2026-01-01T12:30:00Z",
        "2026-01-01t12:30:00z",
        "2026-01-01 12:30:00+00:00",
        "2026-01-01T14:30:00.250+02:00",
        "2026-01-01T12:30:00.123456789Z",
        INSIDE + 0.25,
        int(INSIDE),
    ],
)
def test_times_are_rfc_3339_or_seconds(tmp_path: Path, ts: Any) -> None:
    found = window(tmp_path, line(ts=ts))
    assert (len(found.rows), named(found)) == (1, "")


def test_a_time_without_an_offset_is_utc_and_named(tmp_path: Path) -> None:
    found = window(tmp_path, line(ts="2026-01-01T12:30:00"))
    assert len(found.rows) == 1
    assert named(found) == "1 row: ts has no offset from UTC and was read as UTC"


@pytest.mark.parametrize(
    ("ts", "why"),
    [
        (INSIDE * 1e3, "times look like milliseconds since 1970, expected RFC 3339 or seconds"),
        (int(INSIDE * 1e6), "times look like microseconds since 1970, expected RFC 3339 or seconds"),
        (int(INSIDE) * 10**9, "times look like nanoseconds since 1970, expected RFC 3339 or seconds"),
        (1e11 - 1, "outside of the window, at 5138-11-16T09:46:39Z"),
        (1e11, "times look like milliseconds"),
        (1e14, "times look like microseconds"),
        (1e17, "times look like nanoseconds"),
        (1e20, "ts is no time"),
        (0, "outside of the window, at 1970-01-01T00:00:00Z"),
        (-1, "ts is no time"),
        (10**400, "ts is no time"),
        (float("nan"), "ts is no time"),
        (True, "ts is no time"),
        ([1], "ts is no time"),
        ("1767225600", "ts is no time"),
        ("2026-01-01", "ts is no time"),
        ("2026-13-01T00:00:00Z", "ts is no time"),
        ("0001-01-01T00:00:00+23:59", "outside of the window, at -62135683140"),
        ("yesterday", "ts is no time"),
    ],
)
def test_other_times_are_counted_and_named(tmp_path: Path, ts: Any, why: str) -> None:
    found = window(tmp_path, *[line(ts=ts)] * 1000)
    assert found.rows == ()
    assert named(found).startswith("1,000 rows")
    assert why in named(found)


def test_rows_of_other_versions_are_counted_and_named(tmp_path: Path) -> None:
    found = window(tmp_path, line(), *[line(model_version=1)] * 3, line(model_version="b"))
    assert [row.model_version for row in found.rows] == ["a"]
    assert found.skipped.other_versions == 4
    assert named(found) == '4 rows of other model versions ("1" 3, "b" 1), expected a'


def test_names_of_other_versions_are_bounded(tmp_path: Path) -> None:
    found = window(tmp_path, *(line(model_version=f"v{number}" * 200) for number in range(100)))
    assert found.skipped.other_versions == 100
    assert len(found.skipped.versions) == 17
    assert max(map(len, found.skipped.versions)) == 253


def test_rows_without_a_version_are_named(tmp_path: Path) -> None:
    row = {"ts": INSIDE, "prediction": 1, "label": 1}
    found = window(tmp_path, bare(**row), bare(id=1, **row), bare(id=2, **row))
    assert found.rows == ()
    assert named(found) == "3 rows: no model_version (first: log.jsonl:1)"
    assert len(window(tmp_path, bare(**row), version=None).rows) == 1


def test_an_empty_window_names_the_times_that_the_log_has(tmp_path: Path) -> None:
    found = window(tmp_path, line(ts=LONG_AGO), line(ts=END.timestamp()))
    assert named(found) == "2 rows outside of the window, at 2026-01-01T10:59:59Z to 2026-01-01T13:00:00Z"


def test_a_last_line_still_being_written_is_no_mistake(tmp_path: Path) -> None:
    found = window(tmp_path, line(), line()[:20])
    assert (len(found.rows), found.skipped.malformed) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "not json\n",
        "[1]\n",
        '{"prediction": 1}\n',
        '{"ts": 1}\n',
        '{"label": 1}\n',
        '{"ts": 1, "prediction": 1, "id": [1]}\n',
        '{"ts": 1, "prediction": 1, "v": 2}\n',
        '{"ts": 1, "prediction": 1, "v": true}\n',
        '{"ts": 1, "prediction": "\\ud800"}\n',
        "\udcff\n",
        "[" * 100_000 + "\n",
        '{"ts": 1, "prediction": "' + "x" * MAX_LINE_BYTES + '"}\n',
    ],
)
def test_malformed_lines_are_counted_and_the_first_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.jsonl").write_bytes((line() + text + line()).encode(errors="surrogateescape"))
    found = read(tmp_path)
    assert (len(found.rows), found.skipped.malformed) == (2, 1)
    assert named(found).startswith("1 row: ")
    assert named(found).endswith("(first: log.jsonl:2)")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "null"])
def test_a_missing_label_is_no_label_and_a_missing_prediction_no_answer(tmp_path: Path, value: str) -> None:
    row = f'{{"ts": {INSIDE}, "model_version": "a", "prediction": 1, "label": {value}}}\n'
    found = window(tmp_path, row, row.replace(f'1, "label": {value}', f'{value}, "label": 1'))
    assert sorted((row.answered, row.prediction, row.label) for row in found.rows) == [
        (False, None, 1),
        (True, 1, None),
    ]
    assert found.skipped.malformed == 0


@pytest.mark.parametrize("value", [[0.1, 0.9], {"a": 1}, [1], "", " "])
def test_a_prediction_that_is_no_label_is_an_answer_that_is_named(tmp_path: Path, value: Any) -> None:
    found = window(tmp_path, line(prediction=value))
    assert [(row.answered, row.prediction, row.comparable) for row in found.rows] == [(True, None, False)]
    assert named(found).startswith("1 row: the prediction is a list, an object or empty text, expected one label")


@pytest.mark.parametrize("value", [[1], {"a": 1}, ""])
def test_a_label_that_is_none_is_malformed_and_its_row_is_not(tmp_path: Path, value: Any) -> None:
    found = window(tmp_path, line(label=value))
    assert labels(found) == [None]
    assert found.skipped.malformed == 1
    assert named(found).startswith("1 row: the label is a list, an object or empty text")


@pytest.mark.parametrize(("prediction", "label"), [(1, "1"), ("1", 1), ("true", True)])
def test_one_label_of_another_kind_does_not_spoil_the_window(tmp_path: Path, prediction: Any, label: Any) -> None:
    found = window(tmp_path, *[line()] * 999, line(prediction=prediction, label=label))
    assert sum(row.comparable for row in found.rows) == 999
    assert found.skipped.malformed == 1
    expected = "1 row: the label is text and the prediction a number, or the reverse (first: log.jsonl:1000)"
    assert named(found) == expected


@pytest.mark.parametrize(
    "label_row",
    [
        {"id": "x", "label": 7},
        {"id": "x", "label": 7, "ts": END.timestamp() + 5000},
        {"id": "x", "label": 7, "ts": INSIDE - 30},
        {"id": "x", "label": 7, "ts": INSIDE * 1e3, "model_version": "b"},
        {"id": "x", "label": 7, "ts": END.timestamp() + 5000, "model_version": "a", "prediction": 1},
        {"id": "x", "label": 7, "ts": INSIDE + 5, "prediction": 1},
        {"id": "x", "label": 7, "prediction": 1},
        {"v": 1, "id": "x", "label": 7, "prediction": None, "ts": INSIDE + 5, "model_version": "a"},
    ],
)
@pytest.mark.parametrize("file", ["a.jsonl", "z.jsonl"])
def test_a_label_joins_by_id_whatever_else_its_row_has_and_whichever_file_it_is_in(
    tmp_path: Path, label_row: dict[str, Any], file: str
) -> None:
    (tmp_path / file).write_text(bare(**label_row))
    found = window(tmp_path, line(id="x", label=None), line(id="y"))
    assert labels(found) == [7, 1]
    assert (found.skipped.malformed, named(found)) == (0, "")


@pytest.mark.parametrize("identity", [5, "5", 5.0])
def test_an_id_may_be_text_or_a_whole_number(tmp_path: Path, identity: Any) -> None:
    assert labels(window(tmp_path, line(id=5, label=None), bare(id=identity, label=7))) == [7]


@pytest.mark.parametrize("length", [1023, 1024])
def test_an_id_may_have_1024_characters(tmp_path: Path, length: int) -> None:
    found = window(tmp_path, line(id="x" * length, label=None), bare(id="x" * length, label=7))
    assert (labels(found), found.skipped.malformed) == ([7], 0)


@pytest.mark.parametrize("identity", ["x" * 1025, 5.5, True, float("inf"), {}])
def test_another_id_is_malformed(tmp_path: Path, identity: Any) -> None:
    assert window(tmp_path, line(id=identity)).skipped.malformed == 1


def test_a_missing_id_or_version_may_be_nan(tmp_path: Path) -> None:
    found = window(tmp_path, *[line(id=float("nan"))] * 2, line(model_version=float("nan")))
    assert len(found.rows) == 2
    assert named(found) == "1 row: no model_version (first: log.jsonl:3)"


def test_a_later_row_without_a_label_erases_none(tmp_path: Path) -> None:
    found = window(tmp_path, line(id="x", label=7), line(id="x", label=None, ts=INSIDE + 1))
    assert (labels(found), found.repeated) == ([7], 1)


def test_the_latest_of_several_labels_counts_and_the_conflict_is_named(tmp_path: Path) -> None:
    rows = [bare(id="x", label=7, ts=INSIDE + 20), bare(id="x", label=8, ts=INSIDE + 30), line(id="x", label=None)]
    for order in itertools.permutations(rows):
        found = window(tmp_path, *order)
        assert labels(found) == [8]
        assert named(found) == "1 id with different labels: the latest counts"


def test_a_request_counts_once_at_its_earliest_answer_in_any_order(tmp_path: Path) -> None:
    rows = [
        line(id="x", ts=INSIDE, prediction=None, label=None),
        line(id="x", ts=INSIDE + 10, prediction=3, label=None),
        line(id="x", ts=INSIDE + 20, prediction=4, label=4),
    ]
    digests = set()
    for order in itertools.permutations(rows):
        found = window(tmp_path, *order)
        assert [(row.time, row.prediction, row.label) for row in found.rows] == [(INSIDE + 10, 3, 4)]
        assert found.repeated == 2
        digests.add(found.digest)
    assert len(digests) == 1


def test_a_request_belongs_to_the_window_it_began_in(tmp_path: Path) -> None:
    found = window(tmp_path, line(id="x", ts=START.timestamp() - 1), line(id="x"), line(id="y"))
    assert (len(found.rows), found.repeated) == (1, 1)


def test_one_id_in_two_versions_is_two_requests_with_one_label(tmp_path: Path) -> None:
    found = window(
        tmp_path,
        line(id="x", label=None),
        line(id="x", label=None, model_version="b"),
        bare(id="x", label=7),
        version=None,
    )
    assert labels(found) == [7, 7]


def test_labels_of_no_request_are_named_where_nothing_has_a_label(tmp_path: Path) -> None:
    found = window(tmp_path, line(id="x", label=None), bare(id="y", label=7))
    assert named(found) == "1 label row whose id no request of the window has"


def test_requests_without_an_answer_are_named_where_none_has_one(tmp_path: Path) -> None:
    found = window(tmp_path, *[line(prediction=None)] * 2)
    assert named(found) == "2 requests without an answer (the prediction is null or NaN)"
    assert named(window(tmp_path, line(prediction=None), line())) == ""


def test_a_failed_request_need_not_know_its_version(tmp_path: Path) -> None:
    found = window(tmp_path, line(id="x", prediction=None, model_version=""), line(id="y"))
    assert (found.answered, found.unanswered, named(found)) == (1, 1, "")
