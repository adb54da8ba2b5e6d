"""All scenarios, in order."""

from typing import Final

from bench.scenarios import burst, calibration, steady
from bench.scenarios.common import Scenario

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("B0", "what the API server takes", calibration.run, systems=("mlops",)),
        Scenario("B1", "a burst", burst.run),
        Scenario("B2", "a steady rate, objects deleted after success", steady.run),
    )
}
