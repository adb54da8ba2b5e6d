# SPDX-License-Identifier: Apache-2.0
"""B9: how memory and the cost of a start grow with the number of objects."""

from bench.figures import Figures, fit
from bench.population import populate
from bench.scenarios.common import Rows, Trial, play
from bench.workload import names


async def run(trial: Trial) -> Rows:
    """1,000 to 20,000 finished objects with their Jobs on one control plane, a fresh operator for each number.

    The fit is a line of least squares: memory = a + b objects; CPU until all is judged = c + d objects.
    """
    sizes = (100, 200, 400) if trial.quick else (1_000, 5_000, 10_000, 20_000)
    rows: Rows = {}
    memory: list[tuple[float, float]] = []
    cpu: list[tuple[float, float]] = []
    everything = names("grow", sizes[-1])
    async with play(trial) as scene:
        made = 0
        for size in sizes:
            await populate(scene, everything[made:size])
            made = size
            with scene.operator() as operator:
                ready = await operator.ready()
                await scene.calm()
                usage = operator.usage()
            memory.append((size, usage.resident_bytes))
            cpu.append((size, usage.cpu_seconds))
            rows[f"{size} objects"] = {
                "memory_mib": usage.resident_bytes / 2**20,
                "memory_peak_mib": usage.peak_bytes / 2**20,
                "cpu_seconds": usage.cpu_seconds,
                "ready_seconds": ready,
            }
    rows["fit"] = _fit(memory, cpu)
    return rows


def _fit(memory: list[tuple[float, float]], cpu: list[tuple[float, float]]) -> Figures:
    by_memory, by_cpu = fit(memory), fit(cpu)
    return {
        "base_memory_mib": by_memory.intercept / 2**20,
        "memory_kib_per_object": by_memory.slope / 1024,
        "memory_farthest_from_line_mib": by_memory.worst / 2**20,
        "base_cpu_seconds": by_cpu.intercept,
        "cpu_ms_per_object": by_cpu.slope * 1000,
        "cpu_farthest_from_line_seconds": by_cpu.worst,
    }
