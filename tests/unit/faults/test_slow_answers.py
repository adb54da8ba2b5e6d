# SPDX-License-Identifier: Apache-2.0
"""An answer that is kept back disturbs until it is given, or until nobody waits for it any more."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import cast

import pytest

from tests.faults.injections.answers import SlowAnswers
from tests.faults.injections.base import Surroundings
from tests.faults.plan import Slow
from tests.harness.proxy import Call, Reply

WRITE = SimpleNamespace(key="patch jobs/status job", nth=1)
CALL = cast("Call", SimpleNamespace(is_write=True))
AROUND = cast("Surroundings", SimpleNamespace(trace=SimpleNamespace(write=lambda _call: WRITE)))


async def _forward() -> Reply:
    return Reply(200)


async def _kept_back(latency: float, *, leaves: bool) -> tuple[float, float]:
    """When the answer was ready, and when it disturbed last."""
    slow = SlowAnswers(Slow(write=WRITE.key, latency=latency), AROUND)
    request = asyncio.create_task(slow.request(CALL, _forward))
    await asyncio.sleep(0.001)
    ready = slow.last
    if leaves:
        request.cancel()
    with suppress(asyncio.CancelledError):
        await request
    return ready, slow.last


@pytest.mark.parametrize(("latency", "leaves"), [(0.05, False), (60.0, True)], ids=["answered", "nobody waits"])
async def test_it_disturbs_until_its_end(latency: float, leaves: bool) -> None:
    ready, last = await _kept_back(latency, leaves=leaves)
    assert 0 < ready < last
