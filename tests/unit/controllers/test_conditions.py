# SPDX-License-Identifier: Apache-2.0
"""Conditions: when `lastTransitionTime` moves, and the three conditions that every kind carries."""

import pytest

from mlops_operator.api.conditions import (
    MAX_MESSAGE,
    Condition,
    Fact,
    Truth,
    contract,
    ready,
    stalled,
    timestamp,
    transition,
    working,
)
from tests.unit.controllers.builders import NOW, later


def before(status: Truth, *, kind: str = "Ready") -> Condition:
    return Condition(type=kind, status=status, reason="Before", message="before", last_transition_time=timestamp(NOW))


@pytest.mark.parametrize("former", list(Truth))
@pytest.mark.parametrize("now", list(Truth))
def test_the_transition_time_moves_if_and_only_if_the_status_flips(former: Truth, now: Truth) -> None:
    (found,) = transition(
        [before(former)], [Fact("Ready", now, "After", "another message")], generation=2, now=later(60)
    )
    assert found.last_transition_time == timestamp(NOW if former is now else later(60))
    assert (found.status, found.reason, found.message, found.observed_generation) == (
        now,
        "After",
        "another message",
        2,
    )


def test_a_condition_that_was_not_there_begins_now() -> None:
    (found,) = transition([], [Fact("Ready", Truth.TRUE, "A")], generation=1, now=later(60))
    assert found.last_transition_time == timestamp(later(60))


def test_the_time_of_one_type_is_not_anothers() -> None:
    former = [before(Truth.TRUE, kind="Stalled")]
    (found,) = transition(former, [Fact("Ready", Truth.TRUE, "A")], generation=1, now=later(60))
    assert found.last_transition_time == timestamp(later(60))


def test_the_contract_keeps_the_times_of_what_did_not_flip() -> None:
    first = contract((), working("Waiting", "for a Model"), generation=1, now=NOW)
    same = contract(first, working("Evaluating", "by a Job"), generation=2, now=later(60))
    assert {entry.last_transition_time for entry in same} == {timestamp(NOW)}
    done = contract(same, ready("Promoted"), generation=2, now=later(120))
    times = {entry.type: entry.last_transition_time for entry in done}
    assert times == {
        "Reconciling": timestamp(later(120)),
        "Stalled": timestamp(NOW),
        "Ready": timestamp(later(120)),
    }


@pytest.mark.parametrize(
    ("outcome", "statuses"),
    [
        (ready("A"), ("False", "False", "True")),
        (working("A"), ("True", "False", "False")),
        (stalled("A", "m"), ("False", "True", "False")),
    ],
)
def test_reconciling_stalled_and_ready_last(outcome: object, statuses: tuple[str, ...]) -> None:
    found = contract((), outcome, generation=1, now=NOW)  # type: ignore[arg-type]
    assert [entry.type for entry in found] == ["Reconciling", "Stalled", "Ready"]
    assert tuple(entry.status for entry in found) == statuses


@pytest.mark.parametrize("length", [MAX_MESSAGE - 1, MAX_MESSAGE, MAX_MESSAGE + 1])
def test_a_message_is_cut_at_its_bound(length: int) -> None:
    (found,) = transition([], [Fact("Ready", Truth.TRUE, "A", "x" * length)], generation=1, now=NOW)
    assert len(found.message) == min(length, MAX_MESSAGE)
