# SPDX-License-Identifier: Apache-2.0
"""Random histories of the same worlds, longer and with more faults than can be walked."""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.unit.modelcheck.moves import CLUSTER, FAULT, OPERATOR, PEOPLE, TIME, beginning, moves
from tests.unit.modelcheck.state import Budget, Scenario, State
from tests.unit.modelcheck.walk import Convergence

PLENTY = Budget(faults=8, people=8, waits=8)


class Histories(RuleBasedStateMachine):
    """One history of `scenario`; every move checks the promises, and at its end it comes to rest."""

    scenario: ClassVar[Scenario]

    def __init__(self) -> None:
        super().__init__()
        self.state: State = beginning(self.scenario, PLENTY)

    def go_on(self, data: st.DataObject, *actors: str) -> None:
        """One of the moves that these can make now, if they can make any."""
        possible = [move for move in moves(self.state) if move.actor in actors]
        if possible:
            self.state = data.draw(st.sampled_from(possible)).go()

    @rule(data=st.data(), steps=st.integers(1, 6))
    def all_goes_on(self, data: st.DataObject, steps: int) -> None:
        for _ in range(steps):
            self.go_on(data, OPERATOR, CLUSTER)

    @rule(data=st.data())
    def somebody_does_something(self, data: st.DataObject) -> None:
        self.go_on(data, PEOPLE, TIME)

    @rule(data=st.data())
    def something_goes_wrong(self, data: st.DataObject) -> None:
        self.go_on(data, FAULT)

    def teardown(self) -> None:
        Convergence().steps(self.state)


def histories_of(scenario: Scenario) -> type[Histories]:
    """The histories of a scenario."""
    return type("Histories", (Histories,), {"scenario": scenario})
