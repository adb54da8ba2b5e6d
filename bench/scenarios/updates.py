# SPDX-License-Identifier: Apache-2.0
"""B6: a hundred changes of children in a second."""

import asyncio
import time
from collections.abc import Sequence

from bench.figures import Figures
from bench.operators import Operator
from bench.recorder import Mark
from bench.scenarios.common import Rows, Trial, play
from bench.stage import Stage
from bench.systems import HOLD, NAMESPACE
from bench.workload import names, until, warm_up
from mlops_operator.kube.resources import JOBS

UPDATES = 100


async def run(trial: Trial) -> Rows:
    """One child that changes a hundred times in a second, and a hundred children that change once."""
    async with play(trial) as scene:
        with scene.operator() as operator:
            await warm_up(scene, operator, trial.size(200, 20))
            one = await _jobs(scene, operator, [f"{HOLD}-one"])
            rows = {f"1 child, {UPDATES} changes": await _change(scene, operator, one * UPDATES)}
            many = await _jobs(scene, operator, names(f"{HOLD}-many", UPDATES))
            rows[f"{UPDATES} children, 1 change each"] = await _change(scene, operator, many)
    return rows


async def _jobs(scene: Stage, operator: Operator, wanted: Sequence[str]) -> list[str]:
    """Names of the Jobs of objects that run and go on running."""
    with scene.progress.step(f"{len(wanted)} objects that run on") as step:
        await scene.load(wanted)
        await until(scene, operator, wanted, Mark.RUNNING, step)
        await scene.calm()
    uids = set().union(*(scene.recorder.children[name] for name in wanted))
    found = (await scene.client.list(JOBS, namespace=NAMESPACE)).items
    return [job["metadata"]["name"] for job in found if job["metadata"]["uid"] in uids]


async def _change(scene: Stage, operator: Operator, jobs: Sequence[str]) -> Figures:
    """Flip the number of ready pods in these Jobs' status, spread over a second; what the operator makes of it."""
    scene.audit.skip()
    before, began = operator.usage().cpu_seconds, time.monotonic()

    async def flip(number: int, job: str) -> None:
        await asyncio.sleep(max(0.0, began + number / len(jobs) - time.monotonic()))
        body = {"status": {"ready": number % 2}}
        await scene.client.merge_patch(JOBS, namespace=NAMESPACE, name=job, subresource="status", body=body)

    await asyncio.gather(*(flip(number, job) for number, job in enumerate(jobs)))
    took = time.monotonic() - began
    counts = await scene.calm()
    return {
        "changes": len(jobs),
        "seconds": took,
        "operator_writes": scene.count(counts, writes=True),
        "operator_reads": scene.count(counts, writes=False),
        "operator_cpu_ms_per_change": (operator.usage().cpu_seconds - before) * 1000 / len(jobs),
    }
