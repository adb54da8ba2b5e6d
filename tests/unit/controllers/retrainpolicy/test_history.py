# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the decisions."""

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainpolicy import MAX_DECISIONS, Decision
from mlops_operator.controllers.retrainpolicy.policies.history import last_completed, with_skip, with_start
from tests.unit.controllers.builders import NOW, later


def decision(identity: str, *, at: float = 0, **fields: object) -> Decision:
    values = {
        "id": identity,
        "trigger": "fell",
        "time": timestamp(later(at)),
        "outcome": "Started",
        "reason": "SignalActive",
        **fields,
    }
    return Decision.model_validate(values)


def skip(identity: str, *, at: float = 0, reason: str = "Cooldown", **fields: object) -> Decision:
    return decision(identity, at=at, outcome="Skipped", reason=reason, **fields)


def ids(decisions: tuple[Decision, ...]) -> list[str]:
    return [entry.id for entry in decisions]


def test_the_same_skip_is_recorded_once() -> None:
    once = with_skip((), skip("a"), now=NOW)
    assert with_skip(once, skip("a", at=600), now=later(600)) == once


def test_skips_for_one_reason_in_a_row_are_one_record_with_a_count() -> None:
    decisions = with_skip((), skip("a"), now=NOW)
    decisions = with_skip(decisions, skip("b", at=60), now=later(60))
    decisions = with_skip(decisions, skip("c", at=120), now=later(120))
    assert [(entry.id, entry.count) for entry in decisions] == [("c", 3)]


def test_a_record_is_brought_up_to_date_at_most_once_a_minute() -> None:
    decisions = with_skip((), skip("a"), now=NOW)
    assert with_skip(decisions, skip("b", at=59), now=later(59)) == decisions


def test_another_reason_or_trigger_is_another_record() -> None:
    decisions = with_skip((), skip("a"), now=NOW)
    decisions = with_skip(decisions, skip("b", reason="InFlight"), now=NOW)
    decisions = with_skip(decisions, skip("c", trigger="nightly", reason="InFlight"), now=NOW)
    assert ids(decisions) == ["a", "b", "c"]


def test_of_a_long_history_the_skips_go_first() -> None:
    starts = tuple(decision(f"s{i}", result="Promoted") for i in range(MAX_DECISIONS - 1))
    decisions = with_start((skip("skip"), *starts), decision("new"))
    assert "skip" not in ids(decisions)
    assert len(decisions) == MAX_DECISIONS
    assert ids(with_start(decisions, decision("newer")))[0] == "s1"


def test_what_is_under_way_is_never_forgotten() -> None:
    decisions: tuple[Decision, ...] = (decision("open"),)
    for i in range(3 * MAX_DECISIONS):
        decisions = with_skip(decisions, skip(f"k{i}", reason=f"Reason{i}"), now=NOW)
    assert "open" in ids(decisions)
    assert len(decisions) == MAX_DECISIONS


def test_the_last_end_counts() -> None:
    ended = [decision(f"{i}", result="Promoted", completedAt=timestamp(later(i))) for i in (5, 9, 7)]
    assert last_completed([*ended, decision("open")]) == later(9)
    assert last_completed([decision("open")]) is None
