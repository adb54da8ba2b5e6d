# SPDX-License-Identifier: Apache-2.0
"""B3: what thousands of finished objects cost while nothing happens."""

import asyncio

from bench.population import populate
from bench.scenarios.common import Rows, Trial, play
from bench.workload import names


async def run(trial: Trial) -> Rows:
    """10,000 objects with their Jobs for a minute (100 for 5 s when quick), the leader election counted apart."""
    count, seconds = trial.size(10_000, 100), trial.size(60, 5)
    async with play(trial) as scene:
        with scene.operator() as operator:
            await operator.ready()
            await scene.calm()
            empty = operator.usage().resident_bytes
        await populate(scene, names("idle", count))
        with scene.operator() as operator:
            await operator.ready()
            await scene.calm()
            scene.audit.skip()
            begin = operator.usage()
            with trial.progress.step(f"watch {count} idle objects for {seconds} s"):
                await asyncio.sleep(seconds)
            end, counts = operator.usage(), scene.audit.read()
    return {
        f"{count} objects": {
            "objects": count,
            "seconds": seconds,
            "operator_writes": scene.count(counts, writes=True),
            "operator_reads": scene.count(counts, writes=False),
            "election_requests_per_minute": scene.elections(counts) * 60 / seconds,
            "operator_cpu_ms_per_minute": (end.cpu_seconds - begin.cpu_seconds) * 60_000 / seconds,
            "memory_empty_mib": empty / 2**20,
            "memory_mib": end.resident_bytes / 2**20,
            "memory_peak_mib": end.peak_bytes / 2**20,
            "memory_kib_per_object": (end.resident_bytes - empty) / 1024 / count,
        }
    }
