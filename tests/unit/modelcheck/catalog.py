# SPDX-License-Identifier: Apache-2.0
"""The small worlds that are walked, and how far."""

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple

from mlops_operator.api.registry import KINDS
from tests.unit.modelcheck.state import Budget, Scenario

DEEP: Final = os.environ.get("MLOPS_MODELCHECK") == "deep"
"""Whether all worlds are walked with more faults: many minutes instead of one."""

DEPTH: Final = 120
MOST: Final = 300_000 if DEEP else 20_000
"""States after which a walk ends; a walk that reaches it has failed in the short profile."""

FAULT: Final = Budget(1, 0, 0)
PERSON: Final = Budget(0, 1, 0)
PERSON_AND_TIME: Final = Budget(0, 1, 1)
FAULT_AND_PERSON: Final = Budget(1, 1, 0)
TWO_FAULTS: Final = Budget(2, 0, 0)


class Outing(NamedTuple):
    """One walk: where, with what budget, and the least it must have seen."""

    scenario: Scenario
    budget: Budget
    least: int

    def __str__(self) -> str:
        words = [f"{count} {name}" for name, count in self.budget._asdict().items() if count]
        return f"{self.scenario.name}, {', '.join(words)}"


def scenarios() -> Sequence[Scenario]:
    """Every small world: those of the module of each kind.

    Raises:
        ModuleNotFoundError: a kind has no module in `scenarios`.
    """
    modules = [import_module(f"tests.unit.modelcheck.scenarios.{kind.singular}") for kind in KINDS]
    return [scenario for module in modules for scenario in module.small()]


def outings() -> Sequence[Outing]:
    """All walks of this profile."""
    if DEEP:
        budgets = (PERSON_AND_TIME, FAULT_AND_PERSON, TWO_FAULTS)
        return [Outing(scenario, budget, 1) for scenario in scenarios() for budget in budgets]
    return [Outing(scenario, *walk) for scenario in scenarios() for walk in _SHORT[scenario.name]]


_SHORT: Final[dict[str, Sequence[tuple[Budget, int]]]] = {
    "trainingjob": [(FAULT, 400), (PERSON_AND_TIME, 3000)],
    "trainingjob with a model": [(FAULT, 700), (PERSON, 400)],
    "trainingjob whose data are late": [(FAULT, 400), (PERSON, 400)],
    "model": [(FAULT, 300), (PERSON, 350)],
    "modelversion": [(FAULT, 300), (PERSON, 200)],
    "evaluation": [(FAULT, 900), (PERSON, 250)],
    "promotion": [(FAULT, 2000)],
    "promotions": [],
    "restore": [(FAULT, 600), (PERSON, 1300)],
    "modeldeployment, new": [(FAULT, 450), (PERSON, 550)],
    "modeldeployment": [(FAULT, 2400), (PERSON, 9800)],
    "modeldeployment, checked": [],
    "modeldeployment, bad second": [(FAULT, 300)],
    "modeldeployment, baked": [(FAULT, 1750)],
    "modelmonitor": [(FAULT, 300), (PERSON, 300)],
    "retrainpolicy": [(FAULT, 1300), (PERSON, 800)],
}
