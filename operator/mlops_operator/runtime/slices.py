# SPDX-License-Identifier: Apache-2.0
"""Long work in slices: between two of them all other tasks of the event loop get their turn."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SLICE: Final = 0.010
"""Seconds of work without a pause. With all eight controllers and a LIST at work a probe waits for 0.1 s at most."""


class Slices:
    """Measures how long a task has worked without a pause.

    Args:
        size: seconds; a slice exceeds it by one unit of work at most.
        clock: seconds, monotonic.
    """

    def __init__(self, *, size: float = SLICE, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._began = clock()

    @property
    def over(self) -> bool:
        """Whether the slice has taken its time."""
        return self._clock() - self._began >= self._size

    async def pause(self) -> None:
        """Give all other tasks their turn; the next slice begins after it."""
        await asyncio.sleep(0)
        self.begin()

    def begin(self) -> None:
        """Begin a slice: the task has just waited."""
        self._began = self._clock()
