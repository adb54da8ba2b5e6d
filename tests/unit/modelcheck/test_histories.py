# SPDX-License-Identifier: Apache-2.0
"""Random histories of every world."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.modelcheck.catalog import DEEP, scenarios
from tests.unit.modelcheck.machine import histories_of
from tests.unit.modelcheck.state import Scenario


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_any_history_keeps_the_promises_and_comes_to_rest(scenario: Scenario) -> None:
    run_state_machine_as_test(
        histories_of(scenario),
        settings=settings(
            max_examples=400 if DEEP else 6,
            stateful_step_count=60 if DEEP else 15,
            deadline=None,
            derandomize=not DEEP,
            suppress_health_check=list(HealthCheck),
        ),
    )
