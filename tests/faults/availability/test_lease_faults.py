# SPDX-License-Identifier: Apache-2.0
"""Given requests for the lease that fail, then a leader steps down in time, writes nothing after, and comes back."""

import asyncio
import time
from typing import Final

import pytest
from aiohttp import web

from mlops_operator.kube.resources import LEASES
from mlops_operator.runtime.election import LEASE_DURATION, RENEW_DEADLINE, RETRY_PERIOD
from tests.faults.availability.replicas import KILLED, PATIENCE, Replicas
from tests.harness.proxy import Fault, writes
from tests.harness.stub_server import Answer, failure, slow
from tests.harness.waiting import eventually

POD: Final = "operator-1"

RENEWALS: Final = 4 * (RENEW_DEADLINE / RETRY_PERIOD) + 2
"""Tries within the deadline: four in each period between renewals, and no more than that."""


def of_lease(request: web.Request) -> bool:
    return f"/{LEASES.plural}" in request.path


def renewals(request: web.Request) -> bool:
    return of_lease(request) and writes(request)


REFUSED: Final[dict[str, Answer | None]] = {
    "500": failure(500),
    "503": failure(503),
    "409": failure(409, "Conflict"),
    "403": failure(403, "Forbidden"),
    "429": failure(429, "TooManyRequests", retryAfterSeconds=1),
    "slow": slow(30.0),
    "no answer": None,
}


@pytest.mark.deep
@pytest.mark.parametrize("name", REFUSED)
async def test_a_leader_whose_renewals_fail_steps_down_and_comes_back(replicas: Replicas, name: str) -> None:
    await replicas.make_pod(POD)
    leader = await replicas.start(pod=POD)
    await eventually(leader.process.ready, within=PATIENCE)
    before = await replicas.load("before", 3, every=0.05)
    await replicas.finished(before)

    refused = leader.wire.inject(Fault(renewals, REFUSED[name], times=None))
    began = time.monotonic()
    loading = asyncio.create_task(replicas.load("during", 40, every=0.4))
    assert await leader.process.ends(within=LEASE_DURATION + PATIENCE) == 1
    ended = time.monotonic()
    assert "leadership lost" in leader.process.messages("error")
    last = max((write.at for write in leader.accepted(began)), default=began)
    print(f"{name}: last write {last - began:.1f} s after the first refusal, end {ended - began:.1f} s after it")
    assert leader.accepted(began), "it led on while its lease was good"
    assert last - began < LEASE_DURATION, "others may write by then"
    assert refused.happened <= RENEWALS, "it hammered"

    again = await replicas.start(pod=POD)
    await eventually(again.process.leads, within=PATIENCE)
    await replicas.finished(before + await loading)


@pytest.mark.deep
async def test_another_takes_over_from_a_leader_whose_renewals_fail(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    leader.wire.inject(Fault(of_lease, failure(500), times=None))
    began = time.monotonic()
    loading = asyncio.create_task(replicas.load("job", 50, every=0.4))
    await eventually(follower.process.leads, within=RENEW_DEADLINE + KILLED)
    print(f"first refusal to the next leader: {time.monotonic() - began:.1f} s")
    assert await leader.process.ends() == 1
    assert leader.wrote()[-1].at < follower.wrote()[0].at, "never both"
    await replicas.finished(await loading)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["500", "409", "no answer"])
async def test_a_leader_survives_what_is_shorter_than_its_deadline(replicas: Replicas, name: str) -> None:
    leader, follower = await replicas.two()
    fault = leader.wire.inject(Fault(renewals, REFUSED[name], times=None))
    await asyncio.sleep(RENEW_DEADLINE - 2 * RETRY_PERIOD)
    assert fault.happened > 0
    leader.wire.heal()
    await asyncio.sleep(LEASE_DURATION)
    assert await leader.process.leads()
    assert follower.accepted() == []
    await replicas.finished(await replicas.load("after", 3, every=0.05))
