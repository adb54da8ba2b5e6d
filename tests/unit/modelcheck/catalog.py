"""The small worlds that are walked, and how far."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.unit.modelcheck.scenarios import trainingjob
from tests.unit.modelcheck.state import Budget, Scenario

DEEP: Final = os.environ.get("MLOPS_MODELCHECK") == "deep"
"""Whether everything is walked with more faults; minutes instead of seconds."""


class Outing(NamedTuple):
    """One walk: where, with what budget, and the least it must have seen."""

    scenario: Scenario
    budget: Budget
    least: int

    def __str__(self) -> str:
        words = [f"{count} {name}" for name, count in self.budget._asdict().items() if count]
        return f"{self.scenario.name}, {', '.join(words)}"


DEPTH: Final = 80
MOST: Final = 400_000 if DEEP else 20_000


def outings() -> Sequence[Outing]:
    """All walks of this profile."""
    plain, registering = trainingjob.small()
    return [
        Outing(plain, Budget(1, 0, 0), 400),
        Outing(plain, Budget(0, 1, 1), 3000),
        Outing(registering, Budget(1, 0, 0), 700),
        Outing(registering, Budget(0, 1, 0), 400),
    ]
