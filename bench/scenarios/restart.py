# SPDX-License-Identifier: Apache-2.0
"""B4: a start in the face of thousands of finished objects."""

from bench.population import populate
from bench.scenarios.common import Rows, Trial, play
from bench.workload import names


async def run(trial: Trial) -> Rows:
    """10,000 objects with their Jobs (100 when quick); the operator is started once it has been killed."""
    count = trial.size(10_000, 100)
    async with play(trial) as scene:
        await populate(scene, names("old", count))
        with scene.operator() as before:
            await before.ready()
            await scene.calm()
            before.kill()
        scene.audit.skip()
        with scene.operator() as operator:
            ready = await operator.ready()
            at_ready = operator.usage()
            counts = await scene.calm()
            end = operator.usage()
    return {
        f"{count} objects": {
            "objects": count,
            "ready_seconds": ready,
            "operator_writes": scene.count(counts, writes=True),
            "operator_reads": scene.count(counts, writes=False),
            "operator_refused": scene.refused(counts),
            "cpu_seconds_until_ready": at_ready.cpu_seconds,
            "cpu_seconds_until_calm": end.cpu_seconds,
            "memory_mib": end.resident_bytes / 2**20,
            "memory_peak_mib": end.peak_bytes / 2**20,
        }
    }
