# SPDX-License-Identifier: Apache-2.0
"""Which window is measured when."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_operator.controllers.modelmonitor.policies.windows import (
    Span,
    due_window,
    latest_passed,
    moment,
    next_due,
    skipped_between,
)
from tests.unit.controllers.builders import NOW, later

SIZE, DELAY = 60, 10
EPOCH = int(NOW.timestamp())  # noon: a multiple of the size


def due(seconds: float, *, last_end: datetime | None = None, created: datetime = NOW) -> Span | None:
    return due_window(later(seconds), size=SIZE, delay=DELAY, begun=created, last_end=last_end)


def test_a_window_is_due_at_its_end_plus_the_label_delay() -> None:
    assert due(69) is None
    assert due(70) == Span(EPOCH, EPOCH + 60)


def test_a_window_that_had_ended_when_the_monitor_was_made_is_never_due() -> None:
    assert due(75, created=later(61)) is None
    assert due(130, created=later(61)) == Span(EPOCH + 60, EPOCH + 120)


def test_a_window_is_measured_once() -> None:
    assert due(75, last_end=later(60)) is None
    assert due(130, last_end=later(60)) == Span(EPOCH + 60, EPOCH + 120)


def test_of_several_only_the_latest_is_due_and_the_others_are_counted() -> None:
    span = due(60 * 5 + DELAY, last_end=later(60))
    assert span == Span(EPOCH + 240, EPOCH + 300)
    assert skipped_between(later(60), span) == 3


def test_windows_of_another_size_do_not_overlap_those_that_were_measured() -> None:
    span = due_window(later(600 + DELAY), size=600, delay=DELAY, begun=NOW, last_end=later(60))
    assert span is None
    span = due_window(later(1200 + DELAY), size=600, delay=DELAY, begun=NOW, last_end=later(60))
    assert span == Span(EPOCH + 600, EPOCH + 1200)


@pytest.mark.parametrize("last", [None, 0, 60, 100])
@given(at=st.integers(0, 10_000), size=st.integers(5, 700), delay=st.integers(0, 900))
def test_the_wait_ends_exactly_when_a_window_becomes_due(last: int | None, at: int, size: int, delay: int) -> None:
    last_end = None if last is None else later(last)
    arguments = {"size": size, "delay": delay, "begun": NOW, "last_end": last_end}
    if due_window(later(at), **arguments) is not None:  # type: ignore[arg-type]
        return
    wait = next_due(later(at), **arguments)  # type: ignore[arg-type]
    assert wait > 0
    assert due_window(later(at + wait), **arguments) is not None  # type: ignore[arg-type]
    assert due_window(later(at + wait - 1), **arguments) is None  # type: ignore[arg-type]


@given(at=st.integers(0, 10**6), size=st.integers(5, 10**5), delay=st.integers(0, 10**5))
def test_windows_are_aligned_and_have_passed(at: int, size: int, delay: int) -> None:
    span = latest_passed(later(at), size=size, delay=delay)
    assert span.start % size == 0
    assert span.size == size
    assert moment(span.end) + timedelta(seconds=delay) <= later(at)
    assert moment(span.end + size) + timedelta(seconds=delay) > later(at)
