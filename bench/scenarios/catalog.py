# SPDX-License-Identifier: Apache-2.0
"""All scenarios, in order."""

from typing import Final

from bench.scenarios import (
    burst,
    calibration,
    crash,
    evictions,
    flood,
    growth,
    idle,
    restart,
    steady,
    throttled,
    updates,
)
from bench.scenarios.common import BOTH, Scenario

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("B0", "what the API server takes", calibration.run, systems=("mlops",)),
        Scenario("B1", "a burst", burst.run, systems=(*BOTH, "bare")),
        Scenario("B2", "a steady rate, objects deleted after success", steady.run, systems=(*BOTH, "bare")),
        Scenario("B3", "thousands of idle objects", idle.run),
        Scenario("B4", "a restart in the face of thousands of objects", restart.run),
        Scenario("B5", "killed, and replicas that hand over", crash.run),
        Scenario("B6", "a hundred changes of children in a second", updates.run),
        Scenario("B9", "memory and the cost of a start by the number of objects", growth.run),
        Scenario("B10", "an API server that throttles", throttled.run),
        Scenario("B11", "one tenant's flood, and another tenant meanwhile", flood.run, systems=("mlops",)),
        Scenario("B12", "a rank is evicted, until the next attempt has all", evictions.run, systems=("mlops",)),
    )
}
