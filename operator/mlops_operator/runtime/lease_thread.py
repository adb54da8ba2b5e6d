# SPDX-License-Identifier: Apache-2.0
"""The election in a thread of its own, so that a busy event loop does not lose the lease.

The thread has its own event loop, connection and credentials, and renews the lease for as long as the main event loop
shows that it runs: it beats every second. A loop that has not run for `HEARTBEAT_LIMIT` hangs; then the lease is left
to lapse, and another process takes over. Whether this process may write is one number that is read without a lock.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from mlops_operator.kube.client import Client
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.runtime.election import Election, LeadershipLost

HEARTBEAT: Final = 1.0
"""Seconds between two beats of the main event loop."""

HEARTBEAT_LIMIT: Final = 60.0
"""Seconds without a beat after which the lease is not renewed: the longest plausible stop of a machine or a disk is
shorter, and a process that hangs for longer has to be replaced."""

logger = logging.getLogger(__name__)


class Heartbeat:
    """When the main event loop last ran; written by it, read by the thread.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()

    def beat(self) -> None:
        """The loop runs."""
        self._at = self._clock()

    def fresh(self) -> bool:
        """Whether the last beat is younger than `HEARTBEAT_LIMIT`."""
        return self._clock() - self._at < HEARTBEAT_LIMIT


class LeaseThread:
    """One process's part in the election.

    Args:
        config: which cluster.
        namespace: where the lease is.
        name: the lease's name.
        identity: the pod's name; see `Election`.
    """

    def __init__(self, config: ClusterConfig, *, namespace: str, name: str, identity: str) -> None:
        self._config = replace(config, authorization=config.authorization.copy())
        self._elect = partial(Election, namespace=namespace, name=name, identity=identity)
        self._heartbeat = Heartbeat()
        self._election: Election | None = None
        self._error: Exception | None = None
        self._acquired = asyncio.Event()
        self._ended = asyncio.Event()
        self._main: asyncio.AbstractEventLoop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._released = False

    def leading(self) -> bool:
        """Whether this process may write at this moment; from any thread."""
        election = self._election
        return election is not None and election.leading()

    async def beat(self) -> None:
        """Show until cancelled that the event loop runs."""
        while True:
            self._heartbeat.beat()
            await asyncio.sleep(HEARTBEAT)

    async def acquire(self) -> None:
        """Wait until this process leads.

        Raises:
            Exception: what the thread failed with.
        """
        self._main = asyncio.get_running_loop()
        threading.Thread(target=asyncio.run, args=(self._run(),), name="lease", daemon=True).start()
        await self._acquired.wait()
        if self._error is not None:
            raise self._error

    async def hold(self) -> None:
        """Wait until leadership is lost.

        Raises:
            LeadershipLost: always, at the end.
        """
        await self._ended.wait()
        raise self._error if self._error is not None else LeadershipLost("the lease was given back")

    async def release(self) -> None:
        """End the thread, which gives the lease back where it holds it; only after the last write."""
        if self._main is None:
            return
        self._released = True  # for a thread that has not come as far as its loop
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # the thread has ended
                self._loop.call_soon_threadsafe(self._task.cancel)
        await self._ended.wait()

    # -- in the thread ---------------------------------------------------------------------

    async def _run(self) -> None:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        try:
            if self._released:
                return
            async with Client(self._config) as client:
                election = self._election = self._elect(client, alive=self._heartbeat.fresh)
                try:
                    await election.acquire()
                    self._publish(self._acquired)
                    await election.hold()
                except asyncio.CancelledError:
                    await election.release()
        except Exception as error:
            self._error = error
        finally:
            self._publish(self._ended)
            self._publish(self._acquired)

    def _publish(self, event: asyncio.Event) -> None:
        assert self._main is not None
        with suppress(RuntimeError):  # the main loop is closed: nothing waits any more
            self._main.call_soon_threadsafe(event.set)
