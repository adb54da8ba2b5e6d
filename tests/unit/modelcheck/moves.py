# SPDX-License-Identifier: Apache-2.0
"""Everything that can happen next in a state: the operator, the cluster, people, time, and faults."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from operator import methodcaller
from typing import NamedTuple

from mlops_operator.kube.resources import Resource
from tests.unit.modelcheck import rules
from tests.unit.modelcheck.items import Id
from tests.unit.modelcheck.process import News
from tests.unit.modelcheck.state import Budget, Happening, Scenario, State

OPERATOR, CLUSTER, PEOPLE, TIME, FAULT = "operator", "cluster", "people", "time", "fault"


class Move(NamedTuple):
    """One step: who makes it, what it is called, and what comes of it.

    `go` raises AssertionError where the step breaks a promise.
    """

    actor: str
    name: str
    go: Callable[[], State]


def moves(state: State) -> Iterator[Move]:
    """Every step that can be taken from a state."""
    yield from _operator(state)
    yield from _watches(state)
    for happening in state.scenario.cluster(state.server):
        yield _happens(CLUSTER, state, happening)
    if state.budget.people:
        for happening in state.scenario.people(state.server):
            yield _happens(PEOPLE, state, happening, people=1)
    if state.budget.waits:
        for seconds in state.scenario.waits:
            yield Move(TIME, f"{seconds} s pass", partial(_wait, state, seconds, waits=1))
    idle = not (state.process.agendas or state.process.awake)
    if (
        idle
        and state.scenario.horizon is not None
        and (move := _next_appointment(state, state.scenario.horizon)) is not None
    ):
        yield move
    yield from _faults(state)


def beginning(scenario: Scenario, budget: Budget) -> State:
    """Where everything begins: with a process that has just started, or at rest."""
    state = State.first(scenario, budget)
    while scenario.settled and (move := fair_move(state)) is not None:
        state = move.go()
    scenario.open(state.server)
    state.tell()
    return replace(state, budget=budget)


def fair_move(state: State) -> Move | None:
    """The next step where nothing goes wrong any more; None where all is at rest."""
    state = replace(state, frozen=None, budget=state.budget._replace(faults=0, people=0, waits=0))
    if state.server.refused:
        return _happens(CLUSTER, state, Happening("the quota is lifted", methodcaller("admit")))
    for candidates in (_watches(state), _operator(state)):
        if (move := next((move for move in candidates if not move.name.endswith(ONE)), None)) is not None:
            return move
    if (happening := next(state.scenario.cluster(state.server), None)) is not None:
        return _happens(CLUSTER, state, happening)
    horizon = state.scenario.horizon
    return _next_appointment(state, None if horizon is None else horizon + state.scenario.patience)


def _next_appointment(state: State, horizon: int | None) -> Move | None:
    """Time passes until somebody has asked to look again; None where nobody has, or not before the horizon."""
    soonest = min(state.process.due.values(), default=None)
    if soonest is None or (horizon is not None and soonest > horizon):
        return None
    wait = max(0, soonest - state.server.now)
    return Move(TIME, f"{wait} s pass until an appointment", partial(_wait, state, wait))


# -- the operator ----------------------------------------------------------------------------


def _operator(state: State) -> Iterator[Move]:
    for ref in sorted(state.process.agendas, key=str):
        yield Move(OPERATOR, f"{ref}: {_next_write(state, ref)}", partial(_work, state, ref))
    for ref in sorted(state.process.awake - state.process.agendas.keys(), key=str):
        yield Move(OPERATOR, f"{ref}: plan", partial(_look, state, ref))


def _look(state: State, ref: Id) -> State:
    after = state.fork()
    agenda = after.process.look(ref, after.server, after.pods)
    if agenda is not None:
        rules.check_plan(state.process, agenda, state.scenario.unowned)
        again = state.process.plan(ref, state.server, state.pods)
        assert again is not None
        assert again.plan == agenda.plan, f"{ref}: planning again gives another plan"
    return after


def _work(state: State, ref: Id, *, lost: bool = False, **spent: int) -> State:
    after = state.fork(**spent)
    if lost:
        # The news of it is late as well: else the loss would be found out at once.
        after.process.hold(_written(state, ref))
    after.process.work(ref, after.server, lost=lost)
    for write in after.tell():
        rules.check_write(state.scenario.terminal, write)
        state.scenario.check_write(write, state.server, after.server)
    state.scenario.check(after.server)
    return after


def _written(state: State, ref: Id) -> Resource:
    agenda = state.process.agendas[ref]
    actions = agenda.plan.actions[agenda.done :]
    return actions[0].resource if actions else ref.resource


def _next_write(state: State, ref: Id) -> str:
    agenda = state.process.agendas[ref]
    actions = agenda.plan.actions[agenda.done :]
    return f"{type(actions[0]).__name__} {actions[0].resource.kind}" if actions else "status"


# -- the watches -------------------------------------------------------------------------------

ONE = "brings one line"


def _watches(state: State) -> Iterator[Move]:
    for resource in sorted(state.process.held, key=str):
        yield Move(FAULT, f"the watch of {resource} flows again", partial(_let_go, state, resource))
        if len(state.process.held[resource]) > 1:
            yield Move(FAULT, f"the watch of {resource} {ONE}", partial(_let_one, state, resource))


def _let_go(state: State, resource: Resource) -> State:
    after = state.fork()
    after.process.let_go(resource)
    return after


def _let_one(state: State, resource: Resource) -> State:
    after = state.fork()
    after.process.let_one_through(resource)
    return after


# -- the others --------------------------------------------------------------------------------


def _happens(actor: str, state: State, happening: Happening, **spent: int) -> Move:
    def go() -> State:
        after = state.fork(**spent)
        happening.happen(after.server)
        after.tell()
        state.scenario.check(after.server)
        return after

    return Move(actor, happening.name, go)


def _wait(state: State, seconds: int, **spent: int) -> State:
    after = state.fork(**spent)
    after.server.now += seconds
    after.process.keep_appointments(after.server.now)
    return after


# -- faults ------------------------------------------------------------------------------------


def _faults(state: State) -> Iterator[Move]:
    if state.frozen is not None:
        yield Move(FAULT, f"restart, {state.frozen[0]} shown as they were", partial(_restart_in_the_past, state))
    if not state.budget.faults:
        return
    if state.process.agendas or state.process.due:
        yield Move(FAULT, "crash and restart", partial(_restart, state))
    for ref in sorted(state.process.agendas, key=str):
        name = f"{ref}: {_next_write(state, ref)}, and the answer is lost"
        yield Move(FAULT, name, partial(_work, state, ref, lost=True, faults=1))
        if ref in state.server.items:
            touch = Happening(f"somebody touches {ref}", methodcaller("touch", ref))
            yield _happens(FAULT, state, touch, faults=1)
    for resource in sorted({id.resource for id in state.process.cache}, key=str):
        if resource not in state.process.held:
            yield Move(FAULT, f"the watch of {resource} is held back", partial(_hold, state, resource))
            if state.frozen is None:
                yield Move(FAULT, f"{resource} are remembered", partial(_freeze, state, resource))


def _restart(state: State) -> State:
    after = state.fork(faults=1)
    after.process.list_from(after.server.items)
    return after


def _hold(state: State, resource: Resource) -> State:
    after = state.fork(faults=1)
    after.process.hold(resource)
    return after


def _freeze(state: State, resource: Resource) -> State:
    items = {id: item for id, item in state.server.items.items() if id.resource == resource}
    return replace(state.fork(faults=1), frozen=(resource, items))


def _restart_in_the_past(state: State) -> State:
    """A new process lists one resource from an API server that lags, and then hears what happened since."""
    assert state.frozen is not None
    resource, past = state.frozen
    after = replace(state.fork(), frozen=None)
    present = {id: item for id, item in after.server.items.items() if id.resource == resource}
    others = {id: item for id, item in after.server.items.items() if id.resource != resource}
    after.process.list_from({**others, **past})
    gone = [News(item, True) for id, item in past.items() if id not in present or present[id].uid != item.uid]
    come = [News(item, False) for id, item in present.items() if past.get(id) is not item]
    after.process.held[resource] = (*gone, *come)
    return after
