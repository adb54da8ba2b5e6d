# SPDX-License-Identifier: Apache-2.0
"""Recent gate data: labeled held-out rows of a prediction log, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlops_contract.document import DocumentInvalidError
from mlops_contract.requests.evaluation import Columns, RecentSource
from mlops_workload import recent
from mlops_workload.errors import DataInvalidError
from mlops_workload.holdout import Holdout
from mlops_workload.recent import RecentRows, select_recent, write_recent
from mlops_workload.rows import read_rows
from mlops_workload.training_rows import prepare

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOLDOUT = Holdout(key="model-uid", share=0.4)
HELD = [number for number in range(200) if HOLDOUT.holds(number)]
FREE = [number for number in range(200) if not HOLDOUT.holds(number)]


def source(**changes: Any) -> RecentSource:
    start, end = NOW - timedelta(hours=1), NOW
    return RecentSource(name="recent", uri="pvc://store/log", start=start, end=end, holdout=HOLDOUT, **changes)


def request(identity: Any, **changes: Any) -> dict[str, Any]:
    row = {"ts": (NOW - timedelta(minutes=30)).isoformat(), "id": identity, "model_version": "m-1", "prediction": 1}
    return row | {"inputs": [float(len(str(identity))), 2.0], "label": 1} | changes


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat()


def select(folder: Path, *rows: dict[str, Any], **changes: Any) -> RecentRows:
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return select_recent(folder, source(**changes))


def test_only_held_out_rows_are_selected(tmp_path: Path) -> None:
    rows = select(tmp_path, *(request(number) for number in range(200)))
    assert sorted(int(identity) for identity in rows.ids) == HELD
    assert rows.x.shape == (len(HELD), 2)


def test_a_training_and_its_gate_share_no_row(tmp_path: Path) -> None:
    """Whatever the log holds, each labeled row is given to one of the two."""
    log = tmp_path / "log"
    log.mkdir()
    gate = select(log, *(request(f"r{number}", group=number % 70) for number in range(500)))
    trained = (prepare(log, tmp_path, HOLDOUT).path / "a.jsonl").read_text().splitlines()
    ids = {json.loads(line)["id"] for line in trained}
    assert not ids & set(gate.ids)
    assert len(ids) + len(gate.ids) == 500
    assert 0 < len(gate.ids) < 500


@pytest.mark.parametrize(
    ("seconds", "selected"),
    [(-3600.001, False), (-3600, True), (-3599.999, True), (-0.001, True), (0, False), (0.001, False)],
)
def test_the_window_holds_its_start_and_not_its_end(seconds: float, selected: bool, tmp_path: Path) -> None:
    rows = select(tmp_path, request(HELD[0], ts=at(seconds)))
    assert len(rows.y) == selected


def test_a_label_may_come_later_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text(
        json.dumps({"id": HELD[0], "label": 7}) + "\n" + json.dumps({"id": "unknown", "label": 5}) + "\n"
    )
    rows = select(tmp_path, request(HELD[0], label=None), request(HELD[1], label=None), request(HELD[2], label=3))
    assert dict(zip(rows.ids.tolist(), rows.y.tolist(), strict=True)) == {str(HELD[0]): 7, str(HELD[2]): 3}
    assert rows.unlabeled == 1


def test_the_latest_label_counts(tmp_path: Path) -> None:
    rows = select(tmp_path, request(HELD[0], label=1, ts=at(-10)), request(HELD[0], label=2, ts=at(-5)))
    assert rows.y.tolist() == [2]
    assert rows.times.tolist() == [(NOW - timedelta(seconds=10)).timestamp()]


@pytest.mark.parametrize("file", ["0.jsonl", "z.jsonl"])
def test_a_label_without_a_time_is_the_latest(file: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(json.dumps({"id": HELD[0], "label": 7}) + "\n")
    assert select(tmp_path, request(HELD[0], label=1)).y.tolist() == [7]


def test_rows_without_an_id_have_their_own_labels_and_rows_without_a_group_are_groups(tmp_path: Path) -> None:
    rows = select(
        tmp_path,
        request(None, group=HELD[0], label=3, ts=at(-4)),
        request(None, group=HELD[0], label=4, ts=at(-3)),
        request(HELD[1], label=5, ts=at(-2)),
        request("any", group=HELD[1], label=6, ts=at(-1)),
    )
    assert rows.y.tolist() == [3, 4, 5, 6]
    assert rows.ids.tolist() == ["", "", str(HELD[1]), "any"]
    assert rows.groups.tolist() == [str(HELD[0]), str(HELD[0]), f"id {HELD[1]}", str(HELD[1])]


@pytest.mark.parametrize("inputs", [[], [True, 1.0], [10**400, 1.0], "ab"])
def test_inputs_are_a_list_of_numbers(inputs: Any, tmp_path: Path) -> None:
    rows = select(tmp_path, request(HELD[0], inputs=inputs))
    assert (len(rows.y), rows.unfit) == (0, 1)


def test_of_widths_that_are_equally_frequent_the_larger_one_fits(tmp_path: Path) -> None:
    rows = select(tmp_path, request(HELD[0], inputs=[1.0]), request(HELD[1], inputs=[1.0, 2.0]))
    assert (rows.ids.tolist(), rows.unfit) == ([str(HELD[1])], 1)


@pytest.mark.parametrize(("more", "selected"), [(-1, 1), (0, 1), (1, 0)])
def test_a_line_with_its_end_has_at_most_one_mebibyte(more: int, selected: int, tmp_path: Path) -> None:
    line = json.dumps(request(HELD[0], other=""))
    (tmp_path / "a.jsonl").write_text(
        line.replace('"other": ""', f'"other": "{"x" * (2**20 - len(line) - 1 + more)}"') + "\n"
    )
    assert len(select_recent(tmp_path, source()).y) == selected


@pytest.mark.parametrize(("seconds", "valid"), [(-1, False), (0, False), (1, True)])
def test_a_window_has_a_length(seconds: float, valid: bool) -> None:
    end = NOW + timedelta(seconds=seconds)
    if valid:
        assert RecentSource(name="recent", uri="pvc://store/log", start=NOW, end=end, holdout=HOLDOUT)
    else:
        with pytest.raises(DocumentInvalidError, match="expected start before end"):
            RecentSource(name="recent", uri="pvc://store/log", start=NOW, end=end, holdout=HOLDOUT)


def test_a_request_without_an_answer_is_a_row_all_the_same(tmp_path: Path) -> None:
    assert select(tmp_path, request(HELD[0], prediction=None)).y.tolist() == [1]


def test_rows_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    rows = select(
        tmp_path,
        request(HELD[0]),
        request(HELD[1], inputs=None),
        request(HELD[2], inputs=[1.0]),
        request(HELD[3], inputs=["a", "b"]),
        request(HELD[4], inputs={"a": 1}),
        request(HELD[5], inputs=[1.0, None]),
        request(HELD[6], label=None),
        request(HELD[7], label=float("nan")),
        request(None),
        request(""),
    )
    assert sorted(rows.ids.tolist()) == sorted([str(HELD[0]), str(HELD[5])])
    assert np.isnan(rows.x).sum() == 1
    assert (rows.unlabeled, rows.unfit, rows.unidentified) == (2, 4, 2)


def test_text_and_number_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalidError, match="recent: held-out rows of the log: labels are text in row"):
        select(tmp_path, request(HELD[0], label=1), request(HELD[1], label="one"))


def test_a_log_that_is_not_there_yet_has_no_rows(tmp_path: Path) -> None:
    rows = select_recent(tmp_path / "absent", source())
    assert (len(rows.y), rows.newest_milliseconds, rows.new) == (0, 0, 0)


@pytest.mark.parametrize(("after", "new"), [(-31, 3), (-30, 2), (-29.5, 2), (-20, 1), (-10, 0), (0, 0)])
def test_rows_after_the_former_measurement_are_new(after: float, new: int, tmp_path: Path) -> None:
    rows = [request(HELD[number], ts=at(-30 + 10 * number)) for number in range(3)]
    selected = select(tmp_path, *rows, after=NOW + timedelta(seconds=after))
    assert (len(selected.y), selected.new) == (3, new)


def test_without_a_former_measurement_all_rows_are_new(tmp_path: Path) -> None:
    rows = select(tmp_path, request(HELD[0], ts=at(-2)), request(HELD[1], ts=at(-1.0004)))
    assert rows.new == 2
    newest = NOW - timedelta(seconds=1)
    assert rows.newest_milliseconds == round(newest.timestamp() * 1000)


def test_the_newest_row_is_not_new_the_next_time(tmp_path: Path) -> None:
    row = request(HELD[0], ts=at(-1.00049))
    newest = select(tmp_path, row).newest_milliseconds
    assert select(tmp_path, row, after=datetime.fromtimestamp(newest / 1000, tz=UTC)).new == 0


def test_the_table_is_read_by_evaluations_and_is_the_same_every_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    order = [request(HELD[number], group=HELD[number // 2], ts=at(-number)) for number in range(1, 8)]
    selected = [select(log, *order), select(log, *reversed(order))]
    for number, rows in enumerate(selected):
        write_recent(tmp_path / f"{number}.npz", rows, slice="recent")
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()
    table = read_rows(tmp_path / "0.npz", Columns(id="id", group="group"))
    assert table.slices.tolist() == ["recent"] * len(selected[0].y)
    assert table.groups is not None
    assert table.ids is not None
    assert table.groups.tolist() == selected[0].groups.tolist()
    assert table.ids.tolist() == selected[0].ids.tolist()


@pytest.mark.parametrize(("limit", "kept"), [(19, 19), (20, 20), (21, 20)])
def test_too_many_rows_are_thinned_by_identity_not_by_time(
    limit: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "MAX_ROWS", limit)
    rows = [request(HELD[number], ts=at(-1 - number)) for number in range(20)]
    first, second = select(tmp_path, *rows), select(tmp_path, *reversed(rows))
    assert first.ids.tolist() == second.ids.tolist()
    assert len(first.ids) == kept
    expected = sorted(HELD[:20], key=lambda number: HOLDOUT.position(number) or 0)[:kept]
    assert {int(identity) for identity in first.ids} == set(expected)
