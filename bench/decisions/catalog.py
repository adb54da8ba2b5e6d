# SPDX-License-Identifier: Apache-2.0
"""All simulations, in the order of the page."""

from collections.abc import Mapping
from typing import Final

from bench.decisions import gate, gate_sets, monitor, policy, popular
from bench.decisions.table import Simulation

SIMULATIONS: Final[Mapping[str, Simulation]] = {
    simulation.name: simulation
    for simulation in (
        *gate.SIMULATIONS,
        *gate_sets.SIMULATIONS,
        *monitor.SIMULATIONS,
        *policy.SIMULATIONS,
        *popular.SIMULATIONS,
    )
}
