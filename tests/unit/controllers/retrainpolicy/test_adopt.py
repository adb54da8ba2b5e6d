# SPDX-License-Identifier: Apache-2.0
"""Starts whose record was lost."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retrainpolicy import Decision
from mlops_operator.controllers.retrainpolicy.policies.adopt import lost_starts
from mlops_operator.controllers.retrainpolicy.policies.manual import MAX_VALUE, pending_value
from tests.unit.controllers.builders import later


def start(identity: str, at: float) -> Decision:
    values = {"id": identity, "trigger": "t", "time": timestamp(later(at)), "outcome": "Started", "reason": "x"}
    return Decision.model_validate(values)


def test_a_start_that_the_status_does_not_know_is_found() -> None:
    assert lost_starts([start("a", 0), start("b", 60)], [start("a", 0)], last_started=timestamp(later(0))) == [
        start("b", 60)
    ]


@pytest.mark.parametrize(("at", "found"), [(59, False), (60, True), (61, True)])
def test_a_start_in_the_second_of_the_last_recorded_one_may_be_lost(at: float, found: bool) -> None:
    lost = lost_starts([start("b", at)], [start("a", 60)], last_started=timestamp(later(60)))
    assert [decision.id for decision in lost] == ["b"] * found


def test_the_first_start_may_be_lost_too() -> None:
    assert lost_starts([start("a", 0)], [], last_started=None) == [start("a", 0)]


def test_a_start_that_has_left_the_history_stays_forgotten() -> None:
    assert lost_starts([start("old", 0), start("a", 60)], [start("a", 60)], last_started=timestamp(later(60))) == []


def test_a_person_s_trigger_is_any_value_that_was_not_acted_on() -> None:
    assert pending_value("2026-01-01", handled="") == "2026-01-01"
    assert pending_value("2026-01-01", handled="2026-01-01") is None
    assert pending_value(None, handled="") is None
    assert pending_value("", handled="x") is None


@pytest.mark.parametrize(("length", "whole"), [(199, True), (200, True), (201, False)])
def test_a_value_of_up_to_two_hundred_characters_is_remembered_as_it_is(length: int, whole: bool) -> None:
    assert (pending_value("x" * length, handled="") == "x" * length) == whole


def test_of_a_long_value_the_digest_is_remembered() -> None:
    first, second = "x" * 5000 + "1", "x" * 5000 + "2"
    remembered = pending_value(first, handled="")
    assert remembered is not None
    assert len(remembered) <= MAX_VALUE
    assert pending_value(first, handled=remembered) is None
    assert pending_value(second, handled=remembered) is not None
