"""Random histories of the same worlds, longer and with more faults than can be walked."""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.unit.modelcheck.moves import CLUSTER, FAULT, OPERATOR, PEOPLE, TIME, Move, beginning, moves
from tests.unit.modelcheck.state import Budget, Scenario, State
from tests.unit.modelcheck.walk import Convergence

PLENTY = Budget(faults=8, people=8, waits=8)


class Histories(RuleBasedStateMachine):
    """One history of `scenario`; every move checks the promises, and at its end it comes to rest."""

    scenario: ClassVar[Scenario]

    def __init__(self) -> None:
        super().__init__()
        self.state: State = beginning(self.scenario, PLENTY)

    def possible(self, *actors: str) -> list[Move]:
        """The moves that these can make now."""
        return [move for move in moves(self.state) if move.actor in actors]

    def make(self, data: st.DataObject, *actors: str) -> None:
        """One of them."""
        self.state = data.draw(st.sampled_from(self.possible(*actors))).go()

    @precondition(lambda self: self.possible(OPERATOR))
    @rule(data=st.data())
    def the_operator_takes_a_step(self, data: st.DataObject) -> None:
        self.make(data, OPERATOR)

    @precondition(lambda self: self.possible(OPERATOR, CLUSTER))
    @rule(data=st.data(), steps=st.integers(1, 6))
    def all_goes_on(self, data: st.DataObject, steps: int) -> None:
        for _ in range(steps):
            if self.possible(OPERATOR, CLUSTER):
                self.make(data, OPERATOR, CLUSTER)

    @precondition(lambda self: self.possible(PEOPLE, TIME))
    @rule(data=st.data())
    def somebody_does_something(self, data: st.DataObject) -> None:
        self.make(data, PEOPLE, TIME)

    @precondition(lambda self: self.possible(FAULT))
    @rule(data=st.data())
    def something_goes_wrong(self, data: st.DataObject) -> None:
        self.make(data, FAULT)

    def teardown(self) -> None:
        Convergence().steps(self.state)


def histories_of(scenario: Scenario) -> type[Histories]:
    """The histories of a scenario."""
    return type("Histories", (Histories,), {"scenario": scenario})
