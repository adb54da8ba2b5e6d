# SPDX-License-Identifier: Apache-2.0
"""What it costs to look at many pods that wait for long, counted in a clock that jumps from one event to the next."""

import asyncio
import random
import selectors
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from mlops_operator.controllers.shared import pending
from mlops_operator.kube.client import Client
from mlops_operator.runtime.manager import CONCURRENCY
from mlops_operator.runtime.work.plan import PodsOfJob
from mlops_operator.runtime.work.pod_reads import LARGEST_BATCH, PodReads

WAITING = 1000
"""Jobs of one namespace that have waited for more than five minutes."""
ALL_WAITING = [f"job-{number}" for number in range(WAITING)]
ANSWER = 0.02
"""Seconds that a LIST takes."""
END = 21 * pending.INTERVAL
MOST = 2.5
"""LISTs a second. Each answers for `LARGEST_BATCH` Jobs at most; read one by one, the Jobs would need 125."""


class Jumping(asyncio.SelectorEventLoop):
    """An event loop without waiting: where nothing is to be done, it is later at once."""

    def __init__(self) -> None:
        super().__init__(_Selector(self))
        self.moment = 0.0

    def time(self) -> float:
        return self.moment


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: Jumping) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.moment += timeout or 0.0
        return super().select(0)


class Lists:
    """A client that counts, once the Jobs have come into step."""

    def __init__(self) -> None:
        self.count = 0

    async def list(self, *_: object, **__: object) -> SimpleNamespace:
        self.count += asyncio.get_running_loop().time() >= pending.INTERVAL
        await asyncio.sleep(ANSWER)
        return SimpleNamespace(items=[])


@pytest.fixture
def loop() -> Iterator[Jumping]:
    loop = Jumping()
    yield loop
    loop.close()


async def _wait(job: int, reads: PodReads, slots: asyncio.Semaphore) -> None:
    """Look at one Job's pods again and again, as its reconciler does; its clock has whole seconds."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(random.Random(job).uniform(0, pending.INTERVAL))
    while loop.time() < END:
        async with slots:
            await reads.read(
                PodsOfJob(namespace="team-a", job=f"job-{job}", uid=f"uid-{job}", alongside=lambda: ALL_WAITING)
            )
        now = (start + timedelta(seconds=loop.time())).replace(microsecond=0)
        await asyncio.sleep(pending.interval(300.0 + loop.time(), namespace="team-a", now=now))


def test_a_thousand_pods_of_a_namespace_that_wait_cost_a_few_requests_a_second(loop: Jumping) -> None:
    lists = Lists()
    reads = PodReads(cast("Client", lists), clock=loop.time)
    slots = asyncio.Semaphore(CONCURRENCY)

    async def everyone() -> None:
        await asyncio.gather(*(_wait(job, reads, slots) for job in range(WAITING)))

    loop.run_until_complete(everyone())
    assert WAITING / LARGEST_BATCH / pending.INTERVAL <= lists.count / (END - pending.INTERVAL) <= MOST
