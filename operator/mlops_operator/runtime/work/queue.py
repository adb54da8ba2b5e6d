# SPDX-License-Identifier: Apache-2.0
"""The work queue of one controller: which keys are to be reconciled, when, and in what order.

A key is queued at most once and is held by at most one worker at a time: a key that is added while a worker holds it is
queued again when the worker is done. A key that failed is queued again after a delay that doubles, a key with a
scheduled requeue (`schedule`) when that is due. Higher priorities go first, see `Priority`. Within a priority,
namespaces take turns, so that the number of objects in one namespace does not delay another. No key starves.
"""

import asyncio
import heapq
import random
import time
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from mlops_operator.api.meta import Key
from mlops_operator.runtime.metrics import QueueMetrics

FIRST_RETRY: Final = 0.005
"""Seconds before the first retry of a key, as controller-runtime has it."""

LONGEST_RETRY: Final = 300.0
"""Seconds between retries of a key that keeps failing for reasons of its own."""

SHARE: Final = 16
"""Starvation guard: one key of a priority is taken for at most this number of keys of higher priorities."""

MOST_AHEAD: Final = 2 * SHARE + 3
"""Keys of one other namespace that are taken, at most, while keys of a namespace wait, before one of these is: one in
the turns of its own priority, and while that priority is passed over, `SHARE` and one more, twice."""


class Priority(IntEnum):
    """Urgency of a key; the lowest number goes first.

    Attributes:
        COMPLETION: an object that was running has completed. Completions go first, or in a burst the last object would
            be started before the first one is reported as done.
        NORMAL: any other change.
        LOW: initial lists and resyncs.
    """

    COMPLETION = 0
    NORMAL = 1
    LOW = 2


class _Line:
    """The keys of one priority: namespaces in turns, in each the keys in order. All operations are O(1).

    Attributes:
        passed_over: keys of higher priorities taken in a row while there were keys here.
    """

    __slots__ = ("_by_namespace", "passed_over")

    def __init__(self) -> None:
        self._by_namespace: dict[str, deque[Key]] = {}  # in the order of their turns
        self.passed_over = 0

    def __bool__(self) -> bool:
        return bool(self._by_namespace)

    def append(self, key: Key) -> None:
        """Add `key` behind the others of its namespace."""
        self._by_namespace.setdefault(key.namespace, deque()).append(key)

    def take(self, is_here: Callable[[Key], bool]) -> Key | None:
        """Remove the first key of the namespace whose turn it is; None where there is none.

        Places of keys that are not here any more are removed on the way; they cost their namespace no turn.
        """
        while (namespace := next(iter(self._by_namespace), None)) is not None:
            keys = self._by_namespace.pop(namespace)
            while keys:
                key = keys.popleft()
                if is_here(key):
                    if keys:
                        self._by_namespace[namespace] = keys  # its next turn comes after all others
                    return key
        return None


class WorkQueue:
    """Keys to reconcile.

    Args:
        name: the controller's, for metrics.
        clock: seconds, monotonic; the event loop's clock where the queue is awaited.
        jitter: a number in [0, 1).
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._lines = {priority: _Line() for priority in Priority}
        self._waiting: dict[Key, tuple[Priority, float]] = {}  # and since when
        self._working: dict[Key, float] = {}  # since when
        self._dirty: dict[Key, Priority] = {}
        self._failures: dict[Key, int] = {}
        self._due: dict[Key, float] = {}
        self._requeues: list[tuple[float, Key]] = []
        self._waker: asyncio.Future[None] | None = None
        self._metrics = QueueMetrics(name, self)

    # -- adding ----------------------------------------------------------------------------

    def add(self, key: Key, priority: Priority = Priority.NORMAL) -> None:
        """Queue `key` for reconciliation as soon as possible."""
        if key in self._working:
            self._dirty[key] = min(priority, self._dirty.get(key, priority))
            return
        if (waiting := self._waiting.get(key)) is not None:
            if priority < waiting[0]:
                self._waiting[key] = (priority, waiting[1])
                self._lines[priority].append(key)  # its former place is skipped when its turn comes
            return
        self._metrics.adds.inc()
        self._waiting[key] = (priority, self._clock())
        self._lines[priority].append(key)
        self._wake()

    def schedule(self, key: Key, delay: float | None) -> None:
        """Schedule the key's only requeue `delay` seconds from now; None cancels it."""
        if delay is None:
            self._due.pop(key, None)
            return
        due = self._clock() + delay
        self._due[key] = due
        heapq.heappush(self._requeues, (due, key))
        if len(self._requeues) > 64 + 2 * len(self._due):
            self._requeues = [(when, who) for who, when in self._due.items()]
            heapq.heapify(self._requeues)
        if self._requeues[0][1] == key:
            self._wake()

    def retry(self, key: Key, *, at_least: float = 0.0, at_most: float = LONGEST_RETRY) -> float:
        """Schedule a requeue of a key that failed, later each time; returns the delay in seconds.

        Args:
            key: what failed.
            at_least: minimal delay in seconds, e.g. of a Retry-After header.
            at_most: bound on the doubling, e.g. short where the fault is not the key's own.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self._metrics.retries.inc()
        delay = min(FIRST_RETRY * 2.0 ** min(failures, 30), at_most)
        delay = max(delay * (0.5 + self._jitter() / 2), at_least)
        self.schedule(key, delay)
        return delay

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def forget(self, key: Key) -> None:
        """Forget failures and scheduled requeue of a key whose object was deleted."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    # -- taking ----------------------------------------------------------------------------

    async def get(self) -> Key:
        """The next key, when there is one; the caller owns it until `done`."""
        while (key := self.poll()) is None:
            loop = asyncio.get_running_loop()
            self._waker = loop.create_future()
            next_due = self._next_due()
            timer = None
            if next_due is not None:
                timer = loop.call_later(max(0.0, next_due - self._clock()), self._wake)
            try:
                await self._waker
            finally:
                self._waker = None
                if timer is not None:
                    timer.cancel()
        return key

    def poll(self) -> Key | None:
        """The next key, or None if there is none now."""
        now = self._clock()
        while (next_due := self._next_due()) is not None and next_due <= now:
            _, key = heapq.heappop(self._requeues)
            del self._due[key]
            self.add(key)
        key_or_none = self._pop()
        if key_or_none is not None:
            _, since = self._waiting.pop(key_or_none)
            self._metrics.queue_seconds.observe(now - since)
            self._working[key_or_none] = now
        return key_or_none

    def done(self, key: Key) -> None:
        """Give a key back; if it was added meanwhile it is in the queue again."""
        self._metrics.work_seconds.observe(self._clock() - self._working.pop(key))
        priority = self._dirty.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    # -- state -----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._waiting)

    def working_for(self) -> list[float]:
        """Seconds for which each key in work has been in work."""
        now = self._clock()
        return [now - since for since in self._working.values()]

    @property
    def scheduled(self) -> int:
        """Number of keys with a scheduled requeue, retries included."""
        return len(self._due)

    # -- inside ----------------------------------------------------------------------------

    def _pop(self) -> Key | None:
        """The next key of the line that was passed over too often, or else of the first that has one."""
        for priority in reversed(Priority):
            line = self._lines[priority]
            if line.passed_over >= SHARE and (key := self._take(priority)) is not None:
                return key
        return next((key for priority in Priority if (key := self._take(priority)) is not None), None)

    def _take(self, priority: Priority) -> Key | None:
        """The next key of one line; counts for each lower line that has keys that it was passed over."""
        line = self._lines[priority]
        line.passed_over = 0
        key = line.take(lambda key: (waiting := self._waiting.get(key)) is not None and waiting[0] is priority)
        if key is not None:
            for behind in Priority:
                if behind > priority and self._lines[behind]:
                    self._lines[behind].passed_over += 1
        return key

    def _next_due(self) -> float | None:
        while self._requeues:
            due, key = self._requeues[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._requeues)  # replaced or cancelled since
        return None

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
