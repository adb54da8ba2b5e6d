# SPDX-License-Identifier: Apache-2.0
"""A watch counts when it holds; what was is remembered until then."""

import pytest

from mlops_operator.runtime.cache.watch_health import WatchHealth, pause_after


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream(clock: Clock) -> WatchHealth:
    return WatchHealth(clock)


def test_it_is_down_from_its_beginning_until_a_watch_holds(clock: Clock, stream: WatchHealth) -> None:
    clock.now += 3
    assert stream.down_for() == 3
    stream.opened()
    clock.now += 0.5
    assert stream.down_for() == 3.5, "may be one that ends at once"
    clock.now += 0.5
    assert stream.down_for() == 0


def test_watches_that_end_at_once_are_none(clock: Clock, stream: WatchHealth) -> None:
    for _ in range(10):
        assert not stream.ended(stream.opened())
        clock.now += 1
    assert stream.down_for() == 10


def test_it_is_down_since_the_end_of_the_last_that_held(clock: Clock, stream: WatchHealth) -> None:
    serial = stream.opened()
    clock.now += 60
    assert stream.ended(serial)
    clock.now += 2
    stream.opened()
    assert stream.down_for() == 2


def test_the_end_of_a_former_watch_that_is_told_late_changes_nothing(clock: Clock, stream: WatchHealth) -> None:
    former = stream.opened()
    clock.now += 5
    stream.opened()
    clock.now += 5
    stream.ended(former)
    assert stream.down_for() == 0


def test_a_list_is_news(clock: Clock, stream: WatchHealth) -> None:
    clock.now += 30
    stream.listed()
    clock.now += 1
    assert stream.down_for() == 1


def test_pauses_double_up_to_the_longest() -> None:
    for failures, expected in ((0, 0.1), (1, 0.2), (5, 3.2), (7, 10.0), (5000, 10.0)):
        assert 0.75 * expected <= pause_after(failures, first=0.1, longest=10.0) <= 1.25 * expected
