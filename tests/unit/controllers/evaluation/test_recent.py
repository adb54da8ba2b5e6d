# SPDX-License-Identifier: Apache-2.0
"""Recent rows of an evaluation: the window, and whether there are enough of them and enough new ones."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.evaluation import EvaluationSpec, RecentRows, Verdict
from mlops_operator.controllers.evaluation.policies.recent import (
    check_new_rows,
    check_recent,
    recent_rows,
    recent_window,
)

CREATED = "2026-01-02T12:00:00Z"
ON_RECENT = {"name": "accuracy", "slice": "recent", "change": {"min": 0.0}}
ON_OLD = {"name": "accuracy", "slice": "original", "min": 0.9}


def spec(*rules: dict[str, Any], **changes: Any) -> EvaluationSpec:
    fields: dict[str, Any] = {
        "candidate": "b",
        "baseline": "a",
        "recent": {"uri": "pvc://store/log", "window": "24h", "minCount": 50},
        "metrics": list(rules or [ON_RECENT]),
        **changes,
    }
    return EvaluationSpec.model_validate({name: value for name, value in fields.items() if value is not None})


def rows(**counts: int) -> RecentRows:
    recent = spec().recent
    assert recent is not None
    return recent_rows(recent, CREATED, {f"recent.{name}": count for name, count in counts.items()})


def test_the_window_ends_with_the_creation() -> None:
    recent = spec().recent
    assert recent is not None
    start, end = recent_window(recent, CREATED)
    assert (timestamp(start), timestamp(end)) == ("2026-01-01T12:00:00Z", CREATED)


def test_the_status_has_what_the_run_counted() -> None:
    found = rows(rows=60, new=12, newest=1767355199001, unlabeled=3, unfit=2, unidentified=1)
    assert (found.rows, found.new, found.unlabeled, found.unfit, found.unidentified) == (60, 12, 3, 2, 1)
    assert found.newest == "2026-01-02T12:00:00Z"


@pytest.mark.parametrize(
    ("milliseconds", "newest"),
    [
        (0, None),
        (1, "1970-01-01T00:00:01Z"),
        (1767355199000, "2026-01-02T11:59:59Z"),
        (1767355199001, "2026-01-02T12:00:00Z"),
        (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        (253_402_300_799_001, None),
        (2**53, None),
    ],
)
def test_the_newest_time_is_rounded_up_so_that_no_row_counts_as_new_twice(
    milliseconds: int, newest: str | None
) -> None:
    assert rows(rows=1, newest=milliseconds).newest == newest


@pytest.mark.parametrize(
    ("count", "verdict"), [(0, Verdict.NO_DATA), (49, Verdict.INCONCLUSIVE), (50, None), (51, None)]
)
def test_too_few_recent_rows_decide_nothing(count: int, verdict: Verdict | None) -> None:
    finding = check_recent(spec(), rows(rows=count, unlabeled=7))
    assert (None if finding is None else finding.verdict) is verdict
    if finding is not None:
        assert finding.message == (
            f"{count} labeled recent rows from 2026-01-01T12:00:00Z to 2026-01-02T12:00:00Z, at least 50 are needed; "
            "7 without a label"
        )


def test_rules_that_do_not_use_recent_rows_need_none() -> None:
    none = rows(rows=0)
    assert check_recent(spec(ON_OLD), none) is None
    assert check_recent(spec(ON_OLD, ON_RECENT), none) is not None
    assert check_recent(spec({"name": "accuracy", "min": 0.9}), none) is not None
    # A change is not asked without a baseline, so a first version needs no recent rows for it.
    assert check_recent(spec(ON_OLD, ON_RECENT, baseline=None), none) is None
    assert check_recent(spec({**ON_RECENT, "min": 0.9}, baseline=None), none) is not None


@pytest.mark.parametrize(("new", "repeated"), [(0, True), (49, True), (50, False), (51, False)])
def test_a_second_measurement_needs_new_rows(new: int, repeated: bool) -> None:
    again = spec(recentAfter="2026-01-02T10:00:00Z")
    finding = check_new_rows(again, rows(rows=500, new=new))
    assert (finding is not None) is repeated
    if finding is not None:
        assert finding.verdict is Verdict.NO_DATA
        assert (
            f"{new} labeled recent rows are newer than 2026-01-02T10:00:00Z, at least 50 are needed" in finding.message
        )


def test_a_first_measurement_needs_none() -> None:
    assert check_new_rows(spec(), rows(rows=500)) is None
