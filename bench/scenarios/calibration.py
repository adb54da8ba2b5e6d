# SPDX-License-Identifier: Apache-2.0
"""B0: what the API server takes, without any operator."""

from bench.calibration import rates
from bench.scenarios.common import Rows, Trial, play


async def run(trial: Trial) -> Rows:
    """Creations and status writes by kind of object."""
    async with play(trial) as scene:
        return await rates(scene, trial.size(3000, 300))
