# SPDX-License-Identifier: Apache-2.0
"""Given a leader that is stopped past its lease while it works, when it wakes up, then it does no harm."""

import asyncio
from typing import Final

import pytest

from mlops_operator.runtime.manager import LEASE_NAME
from tests.faults.availability.replicas import KILLED, PATIENCE, Replicas
from tests.harness.waiting import eventually

JOBS_PER_ROUND: Final = 20

MOMENTS: Final = (0.15, 0.5, 1.1)
"""Seconds after the beginning of the load at which the leader is stopped: always in the middle of it."""

STOPPED: Final = "leadership lost"


@pytest.mark.deep
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_leader_stopped_past_its_lease_does_no_harm_when_it_wakes_up(replicas: Replicas, moment: float) -> None:
    leader, follower = await replicas.two()
    loading = asyncio.create_task(replicas.load("job", JOBS_PER_ROUND, every=0.1))
    await asyncio.sleep(moment)
    leader.stop()
    made = await loading
    await eventually(follower.process.leads, within=KILLED)
    await replicas.finished(made)
    after = await replicas.load("after", 5, every=0.05)

    woken = leader.wake()
    assert await leader.process.ends(within=PATIENCE) == 1
    await replicas.finished(after)
    assert [write.key for write in leader.accepted(woken)] == []
    print(f"writes after waking up: {len(leader.wrote(woken))} asked, {len(leader.accepted(woken))} accepted")
    assert leader.process.messages("error") == [STOPPED]
    lease = await replicas.lease()
    assert lease.transitions == 1, f"the one that woke up changed the lease {LEASE_NAME}"
    assert await follower.process.leads()


@pytest.mark.deep
async def test_a_leader_stopped_for_less_than_its_lease_goes_on(replicas: Replicas) -> None:
    leader, follower = await replicas.two()
    made = await replicas.load("job", 5, every=0.05)
    leader.stop()
    await asyncio.sleep(6.0)
    leader.wake()
    made += await replicas.load("after", 5, every=0.05)
    await replicas.finished(made)
    assert await leader.process.leads()
    assert follower.accepted() == []
