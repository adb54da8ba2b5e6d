# SPDX-License-Identifier: Apache-2.0
"""The lease of an operator whose event loop is busy, and of one whose event loop hangs.

Times are a fifth of the real ones: a lease of 3 s, renewed for as long as the last heartbeat is younger than 12 s.
"""

import asyncio
import time
from collections.abc import Callable

import pytest

from mlops_operator.kube.client import Client
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.kube.leases import LeaseRecord, read_lease
from mlops_operator.runtime import election, lease_thread
from mlops_operator.runtime.election import LeadershipLost
from mlops_operator.runtime.lease_thread import LeaseThread
from mlops_operator.runtime.manager import Manager, Options
from tests.harness.gadgets import GADGETS, GadgetController, gadget
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import ready

LEASE = "test-lease"
BUSY = 5.0
"""Seconds without a turn of the event loop: longer than the lease (25 s of 15 s)."""


@pytest.fixture(autouse=True)
def fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election, "LEASE_DURATION", 3.0)
    monkeypatch.setattr(election, "RENEW_DEADLINE", 2.0)
    monkeypatch.setattr(election, "RETRY_PERIOD", 0.4)
    monkeypatch.setattr(lease_thread, "HEARTBEAT", 0.2)
    monkeypatch.setattr(lease_thread, "HEARTBEAT_LIMIT", 12.0)


async def lease(client: Client, namespace: str) -> LeaseRecord:
    record = await read_lease(client, namespace=namespace, name=LEASE)
    assert record is not None
    return record


@pytest.fixture
def keeper(config: ClusterConfig, namespace: str) -> Callable[[str], LeaseThread]:
    return lambda identity: LeaseThread(config, namespace=namespace, name=LEASE, identity=identity)


async def test_a_loop_that_is_busy_for_longer_than_the_lease_keeps_it(
    client: Client, namespace: str, keeper: Callable[[str], LeaseThread]
) -> None:
    leader, rival = keeper("a_1"), keeper("b_1")
    beating = asyncio.create_task(leader.beat())
    await leader.acquire()
    waiting = asyncio.create_task(rival.acquire())
    await asyncio.sleep(0.5)
    before = await lease(client, namespace)
    time.sleep(BUSY)  # noqa: ASYNC251 - it is what is tested; the rival waits in a thread of its own
    assert leader.leading()
    assert not rival.leading()
    after = await lease(client, namespace)
    assert (after.holder, after.transitions) == ("a_1", before.transitions)
    assert after.renewed > before.renewed
    waiting.cancel()
    beating.cancel()
    await asyncio.gather(waiting, beating, return_exceptions=True)
    await rival.release()
    await leader.release()


@pytest.mark.usefixtures("gadgets")
async def test_an_operator_whose_loop_hangs_loses_the_lease_writes_nothing_more_and_ends(
    config: ClusterConfig,
    client: Client,
    namespace: str,
    keeper: Callable[[str], LeaseThread],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease_thread, "HEARTBEAT_LIMIT", 2.0)
    options = Options(
        namespaces=(namespace,),
        lease_namespace=namespace,
        lease_name=LEASE,
        metrics_address="127.0.0.1:0",
        identity="a_1",
    )
    manager = Manager(config, [GadgetController()], options)
    running = asyncio.create_task(manager.run())
    await eventually(lambda: ready(manager), within=20)
    rival = keeper("b_1")
    waiting = asyncio.create_task(rival.acquire())
    beating = asyncio.create_task(rival.beat())
    await asyncio.sleep(0.5)
    rival._heartbeat.fresh = lambda: True  # type: ignore[method-assign]  # its loop is that of the one that hangs
    time.sleep(2.0 + 2 * election.LEASE_DURATION)  # noqa: ASYNC251
    await client.create(GADGETS, gadget("late", namespace, text="x"))
    with pytest.raises(LeadershipLost, match="hangs"):
        async with asyncio.timeout(30):
            await running
    async with asyncio.timeout(20):
        await waiting
    assert (await lease(client, namespace)).holder == "b_1"
    found = await client.get(GADGETS, namespace=namespace, name="late")
    assert "status" not in found
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await rival.release()
