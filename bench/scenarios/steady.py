# SPDX-License-Identifier: Apache-2.0
"""B2: objects at a steady rate, each deleted when it has succeeded."""

from bench.scenarios.common import Rows, Trial, play
from bench.workload import follow, names, warm_up

RATES = (3, 10, 30)
"""Objects a second."""


async def run(trial: Trial) -> Rows:
    """Each rate for a minute (a few seconds when quick), on one control plane."""
    rows: Rows = {}
    async with play(trial) as scene:
        with scene.operator() as operator:
            await warm_up(scene, operator, trial.size(200, 20))
            for rate in RATES:
                wanted = names(f"steady-{rate}", rate * trial.size(60, 5))
                rows[f"{rate} a second"] = await follow(scene, operator, wanted, rate=rate, delete=True)
    return rows
