# SPDX-License-Identifier: Apache-2.0
"""Given two replicas under steady load, when they are replaced one after the other, then nothing is lost or doubled."""

import asyncio
from typing import Final

import pytest

from mlops_operator.api.meta import Manifest
from tests.faults.availability.replicas import PATIENCE, Replica, Replicas
from tests.harness.waiting import eventually

ROUNDS: Final = 3
"""How often both are replaced."""

EVERY: Final = 0.25
"""Seconds between two new TrainingJobs."""

SETTLE: Final = 1.0
"""Seconds that a new replica works before the next one is replaced."""


async def replace(replicas: Replicas, old: Replica) -> Replica:
    """What a Deployment does: the new one is ready before the old one is told to stop."""
    new = await replicas.start()
    await eventually(new.process.ready, within=PATIENCE)
    await old.terminate()
    return new


@pytest.mark.deep
async def test_rolling_upgrades_under_load_lose_and_double_nothing(replicas: Replicas) -> None:
    replicas.run_for = 0.5
    pair = list(await replicas.two())
    done = asyncio.Event()
    made: list[Manifest] = []

    async def work() -> None:
        while not done.is_set():
            made.append(await replicas.train(f"job-{len(made)}"))
            await asyncio.sleep(EVERY)

    working = asyncio.create_task(work())
    generations = list(pair)
    for _ in range(ROUNDS):
        for place in range(len(pair)):
            pair[place] = await replace(replicas, pair[place])
            generations.append(pair[place])
            await asyncio.sleep(SETTLE)
    done.set()
    await working
    await replicas.finished(made)
    workers = sum(bool(replica.accepted()) for replica in generations)
    print(f"{len(made)} TrainingJobs, {len(generations)} processes of which {workers} worked")
    assert workers > ROUNDS, "the load saw the leader change"
    for replica in generations:
        assert replica.process.messages("error") == []
