# SPDX-License-Identifier: Apache-2.0
"""What the operator asks of the API server, counted by the benchmark's own harness: the gate that a change has to pass.

The operator is a process of its own with production flags. Counts are asserted, times are not.
"""

import asyncio

import pytest

from bench.figures import Figures
from bench.stage import stage
from bench.systems import MLOPS
from bench.workload import follow, names
from localcluster.progress import Quiet
from mlops_operator.runtime.work.pod_reads import SHARED_AGE

AT_ONCE = 60
STEADY = 30
RATE = 10.0
"""TrainingJobs a second."""
ROOM = 4
"""Pods that each of the four nodes runs at a time: most of a burst waits for some ten seconds."""


@pytest.fixture(scope="module")
def measured() -> dict[str, Figures]:
    """A burst, a steady rate with deletions, and a kill with a restart on what was left."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, Figures]:
    async with stage(MLOPS, Quiet(), fsync=False, pods_per_node=ROOM) as scene:
        with scene.operator() as operator:
            await operator.ready()
            burst = await follow(scene, operator, names("burst", AT_ONCE))
            steady = await follow(scene, operator, names("steady", STEADY), rate=RATE, delete=True)
            operator.kill()
        scene.audit.skip()
        with scene.operator() as again:
            await again.ready()
            counts = await scene.calm()
    restart: Figures = {
        "writes": scene.count(counts, writes=True),
        "reads": scene.count(counts, writes=False),
        "refused": scene.refused(counts),
    }
    return {"burst": burst, "steady": steady, "restart": restart}


@pytest.mark.parametrize("load", ["burst", "steady"])
def test_a_training_job_costs_three_writes_at_most(measured: dict[str, Figures], load: str) -> None:
    # Job, `Running`, the end; what happens in quick succession is said at once, so it may be two. Deletions are free.
    # That pods wait for room, as the scheduler says of them here, costs nothing: it is an ordinary wait.
    assert 2 <= measured[load]["operator_writes_per_object"] <= 3


def test_a_training_job_costs_one_read_at_most(measured: dict[str, Figures]) -> None:
    # Its pod, at its end, for the result; and no reads are made to learn what a watch has told.
    assert measured["steady"]["operator_reads_per_object"] <= 1


def test_that_pods_wait_for_room_costs_by_time_and_not_by_pod(measured: dict[str, Figures]) -> None:
    # Beside the one read for each end: a LIST of those that wait once in `SHARED_AGE`, and one of the nodes.
    burst = measured["burst"]
    looks = burst["operator_reads_per_object"] * AT_ONCE - AT_ONCE
    assert looks <= burst["all_done_seconds"] / SHARED_AGE + 1


@pytest.mark.parametrize("load", ["burst", "steady"])
def test_nothing_is_asked_that_is_refused(measured: dict[str, Figures], load: str) -> None:
    assert measured[load]["operator_refused"] == 0


def test_a_restart_writes_nothing(measured: dict[str, Figures]) -> None:
    assert measured["restart"]["writes"] == 0
    assert measured["restart"]["refused"] == 0


def test_a_restart_reads_lists_and_no_single_objects(measured: dict[str, Figures]) -> None:
    # Pages of lists, one or a few for each kind: far fewer than there are objects.
    assert 0 < measured["restart"]["reads"] < AT_ONCE
