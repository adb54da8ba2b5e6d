# SPDX-License-Identifier: Apache-2.0
"""Long work lets others work: no slice is longer than its stated size and one unit of work."""

import asyncio

import pytest

from mlops_operator.runtime.slices import SLICE, Slices

UNIT = SLICE / 4


class Clock:
    """Time that passes only by work; counts how much was done without a pause."""

    def __init__(self) -> None:
        self.now = 0.0
        self.paused_at = 0.0
        self.longest = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds
        self.longest = max(self.longest, self.now - self.paused_at)

    async def others(self) -> None:
        """A task that gets its turn at every pause."""
        while True:
            self.paused_at = self.now
            await asyncio.sleep(0)


@pytest.mark.parametrize(("worked", "over"), [(SLICE * 0.99, False), (SLICE, True), (SLICE * 1.01, True)])
def test_a_slice_is_over_when_it_has_taken_its_time(worked: float, over: bool) -> None:
    clock = Clock()
    slices = Slices(clock=clock)
    clock.work(worked)
    assert slices.over is over


async def test_work_in_slices_is_never_longer_than_its_size_and_one_unit() -> None:
    clock = Clock()
    others = asyncio.create_task(clock.others())
    slices = Slices(clock=clock)
    for _ in range(1000):
        clock.work(UNIT)
        if slices.over:
            await slices.pause()
    others.cancel()
    assert SLICE <= clock.longest <= SLICE + UNIT


async def test_a_slice_begins_after_a_wait() -> None:
    clock = Clock()
    slices = Slices(clock=clock)
    clock.work(SLICE * 2)
    slices.begin()
    assert not slices.over
