# SPDX-License-Identifier: Apache-2.0
"""Liveness of a watch, measured by how long it stays open, and the back-off before the next one."""

import random
import time
from collections.abc import Callable
from typing import Final

SHORTEST_WATCH: Final = 1.0
"""Seconds; a watch that ends sooner, however politely, was none, and is followed by a pause."""

DOWN: Final = 5.0
"""Seconds without a watch after which a process is not ready: one that only begins anew takes less."""


def pause_after(failures: int, *, first: float, longest: float) -> float:
    """Back-off in seconds after `failures` earlier failures: doubles from `first` to `longest`, with jitter."""
    return min(first * 2.0 ** min(failures, 10), longest) * random.uniform(0.75, 1.25)


class WatchHealth:
    """The watches of one resource in one scope, one after another.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._good = clock()
        self._opened: float | None = None
        self._serial = 0

    def opened(self) -> int:
        """The API server began to answer a watch; returns the serial number to pass to `ended`."""
        self._serial += 1
        self._opened = self._clock()
        return self._serial

    def ended(self, serial: int) -> bool:
        """A watch ended, in whatever way; whether it had held. One that was followed by another already is ignored."""
        if serial != self._serial or self._opened is None:
            return True
        held = self._holds()
        if held:
            self._good = self._clock()
        self._opened = None
        return held

    def listed(self) -> None:
        """A LIST, or a page of it, was as good as a watch up to now."""
        self._good = self._clock()

    def down_for(self) -> float:
        """Seconds since events were last received or could have been; 0 while a watch is open."""
        return 0.0 if self._holds() else self._clock() - self._good

    def _holds(self) -> bool:
        return self._opened is not None and self._clock() - self._opened >= SHORTEST_WATCH
