# SPDX-License-Identifier: Apache-2.0
"""Events of transitions: one where the reason of `Ready` changes, one where a condition becomes true."""

import pytest

from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import READY, STALLED, Condition, Truth, timestamp
from mlops_operator.controllers.shared.pending import POD_PENDING
from mlops_operator.framework.events import event, flip_events, transition_events
from tests.unit.controllers.builders import NOW

BREACHED = "Breached"


def status(*conditions: tuple[str, Truth, str]) -> StatusBase:
    made = (
        Condition(type=kind, status=truth, reason=reason, message=f"{reason}.", last_transition_time=timestamp(NOW))
        for kind, truth, reason in conditions
    )
    return StatusBase(conditions=tuple(made))


def ready(reason: str) -> StatusBase:
    return status((READY, Truth.FALSE, reason))


def events(before: StatusBase, after: StatusBase) -> list[tuple[str, str, str]]:
    made = transition_events(
        before, after, action="Train", names={"Running": "Started"}, warnings=["Odd"], quiet=["New"]
    )
    assert all(entry.action == "Train" for entry in made)
    return [(str(entry.type), entry.reason, entry.message) for entry in made]


def test_a_new_reason_of_ready_is_one_event_under_its_name() -> None:
    expected = [("Normal", "Started", "Running.")]
    assert events(StatusBase(), ready("Running")) == events(ready("Pending"), ready("Running")) == expected
    assert events(ready("Running"), ready("Running")) == events(ready("Running"), StatusBase()) == []


@pytest.mark.parametrize("reason", [POD_PENDING, "New"])
def test_a_wait_that_can_pass_and_a_beginning_are_none(reason: str) -> None:
    assert events(ready("Running"), ready(reason)) == []


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (ready("Odd"), "Warning"),
        (status((READY, Truth.FALSE, "Bad"), (STALLED, Truth.TRUE, "Bad")), "Warning"),
        (status((READY, Truth.FALSE, "Bad"), (STALLED, Truth.FALSE, "Bad")), "Normal"),
    ],
)
def test_it_is_a_warning_where_the_user_should_act(after: StatusBase, kind: str) -> None:
    assert [found for found, _, _ in events(ready("Running"), after)] == [kind]


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (None, Truth.TRUE, 1),
        (Truth.FALSE, Truth.TRUE, 1),
        (Truth.UNKNOWN, Truth.TRUE, 1),
        (Truth.TRUE, Truth.TRUE, 0),
        (Truth.TRUE, Truth.FALSE, 0),
        (Truth.FALSE, Truth.FALSE, 0),
        (Truth.FALSE, Truth.UNKNOWN, 0),
        (Truth.TRUE, None, 0),
    ],
)
def test_a_condition_that_becomes_true_is_one_event(before: Truth | None, after: Truth | None, count: int) -> None:
    old, new = (status((BREACHED, truth, "Below")) if truth is not None else StatusBase() for truth in (before, after))
    made = flip_events(old, new, BREACHED, action="Monitor", warning=True)
    assert [(entry.reason, str(entry.type)) for entry in made] == [("Below", "Warning")] * count


def test_a_message_is_cut_to_what_the_api_takes_and_never_empty() -> None:
    # events.k8s.io refuses a note of more than 1,024 characters, and an empty one.
    for length in (1023, 1024, 1025):
        made = event(warning=False, reason="Running", message="x" * length, action="Train")
        assert made.message == "x" * min(length, 1024)
    assert event(warning=False, reason="Running", message="", action="Train").message == "Running"
