# SPDX-License-Identifier: Apache-2.0
"""The exhaustive walk: every state that can be reached within a budget, and from each of them the way to rest."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.unit.modelcheck.moves import Move, beginning, fair_move, moves
from tests.unit.modelcheck.process import has_work
from tests.unit.modelcheck.state import Budget, Scenario, State

LONGEST_WAY = 400
"""Steps of fair running within which everything must be at rest."""


class Broken(AssertionError):
    """A promise was broken; the message is the way there."""


@dataclass
class Report:
    """What a walk has seen.

    Attributes:
        states: distinct states, budgets included.
        transitions: steps taken.
        depth: steps from the beginning to the farthest state.
        rests: distinct states at rest that fair running led to.
        longest: steps of the longest way to rest.
        complete: whether every state within budget and depth was seen.
    """

    name: str
    states: int = 0
    transitions: int = 0
    depth: int = 0
    rests: int = 0
    longest: int = 0
    complete: bool = True

    def __str__(self) -> str:
        whole = "all" if self.complete else "the nearest"
        return (
            f"{self.name}: {self.states} states ({whole}), {self.transitions} steps, depth {self.depth}, "
            f"{self.rests} ends, at most {self.longest} steps to rest"
        )


class Convergence:
    """Runs states fairly to rest, remembering which ways are known."""

    def __init__(self) -> None:
        self._steps: dict[object, int] = {}
        self.rests = 0

    def steps(self, state: State) -> int:
        """Steps of fair running to rest.

        Raises:
            Broken: it does not come to rest, or not to one that may last.
        """
        way: list[object] = []
        names: list[str] = []
        while (key := state.key()) not in self._steps:
            move = fair_move(state)
            if move is None:
                self._check_rest(state, names)
                self._steps[key] = 0
                break
            way.append(key)
            names.append(f"{move.actor}: {move.name}")
            try:
                state = move.go()
            except Exception as error:
                raise Broken("\n".join([*names, f"{type(error).__name__}: {error}"])) from error
            if len(way) > LONGEST_WAY:
                raise Broken("\n".join([f"no rest after {LONGEST_WAY} steps:", *names[:20], "...", *names[-20:]]))
        for count, passed in enumerate(reversed(way), start=self._steps[key] + 1):
            self._steps[passed] = count
        return self._steps[key] + len(way)

    def _check_rest(self, state: State, names: Iterable[str]) -> None:
        self.rests += 1
        try:
            for ref in sorted(state.process.cache, key=str):
                if ref.resource not in state.process.wiring.controllers or ref in state.process.due:
                    continue
                agenda = state.process.plan(ref, state.server, state.pods)
                assert agenda is None or not has_work(agenda), (
                    f"nobody wakes {ref}, and yet it has work: {agenda.content}"
                )
            state.scenario.check_rest(state.server)
        except AssertionError as error:
            raise Broken("\n".join([*names, str(error)])) from error


def walk(
    scenario: Scenario, budget: Budget, *, depth: int, most: int, only: Callable[[Move], bool] = lambda _: True
) -> Report:
    """Visit every state that is reachable within the budget, nearest first.

    Args:
        scenario: the small world.
        budget: what may go wrong altogether.
        depth: steps from the beginning beyond which nothing is visited.
        most: states after which the walk ends; the report says so.
        only: the moves that are made.

    Raises:
        Broken: a promise was broken, or a state does not come to rest; the message is the way there.
    """
    report, convergence = Report(scenario.name), Convergence()
    first = beginning(scenario, budget)
    ways: dict[object, tuple[object, str]] = {}
    begin = (first.key(), first.budget)
    ways[begin] = (None, "")
    queue = deque([(begin, first, 0)])
    while queue:
        place, state, far = queue.popleft()
        report.states += 1
        report.depth = max(report.depth, far)
        try:
            report.longest = max(report.longest, convergence.steps(state))
        except Broken as error:
            raise Broken(
                "\n".join([*_way(ways, place), "-- from here on nothing goes wrong --", str(error)])
            ) from error
        if far == depth:
            report.complete = False
            continue
        for move in filter(only, moves(state)):
            report.transitions += 1
            try:
                after = move.go()
            except Exception as error:
                names = [*_way(ways, place), f"{move.actor}: {move.name}", f"{type(error).__name__}: {error}"]
                raise Broken("\n".join(names)) from error
            there = (after.key(), after.budget)
            if there in ways:
                continue
            if len(ways) >= most:
                report.complete = False
                continue
            ways[there] = (place, f"{move.actor}: {move.name}")
            queue.append((there, after, far + 1))
    report.rests = convergence.rests
    return report


def _way(ways: dict[object, tuple[object, str]], place: object) -> list[str]:
    names: list[str] = []
    while place is not None:
        place, name = ways[place]
        names.append(name)
    return [name for name in reversed(names) if name]
