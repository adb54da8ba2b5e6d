# SPDX-License-Identifier: Apache-2.0
"""One state of a small world, and all that can happen next."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.work.controller import Controller
from tests.unit.modelcheck.apiserver import ApiServer, Write
from tests.unit.modelcheck.items import Id, Item
from tests.unit.modelcheck.process import Agenda, Process, Wiring


class Happening(NamedTuple):
    """Something that the cluster or a person does: its name, and how it changes the objects."""

    name: str
    happen: Callable[[ApiServer], object]


class Budget(NamedTuple):
    """How much of what is not the ordinary course of things may still happen.

    Attributes:
        faults: crashes, lost answers, held watches, restarts on an old state.
        people: actions of people.
        waits: times that pass without need.
    """

    faults: int
    people: int
    waits: int


class Scenario:
    """What is particular to a kind: who is there, what can happen, and what must hold.

    Attributes:
        name: what reports call it.
        controllers: the controllers at work.
        terminal: final phases, by resource.
        unowned: resources whose objects outlive the object that they are made for.
        waits: seconds that may pass at any moment.
        horizon: for kinds that never end, the second up to which appointments are kept, faults or not; None for others.
        patience: seconds beyond the horizon after which fair running has done what it can.
        settled: whether all is at rest at first, but for what `open` does.
    """

    name: str
    controllers: Sequence[Controller]
    terminal: dict[Resource, frozenset[str]] = {}
    unowned: frozenset[Resource] = frozenset()
    waits: Sequence[int] = ()
    horizon: int | None = None
    patience: int = 0
    settled: bool = False

    def begin(self, server: ApiServer) -> None:
        """Make the objects that are there at first."""
        raise NotImplementedError

    def open(self, server: ApiServer) -> None:
        """What happens before the first step, when all is at rest."""

    def cluster(self, server: ApiServer) -> Iterator[Happening]:
        """What the rest of the cluster may do now; in fair running the first of these happens."""
        raise NotImplementedError

    def people(self, server: ApiServer) -> Iterator[Happening]:
        """What people may do now."""
        yield from ()

    def pods(self, server: ApiServer, job: str) -> Sequence[Manifest]:
        """What a LIST of a Job's pods shows."""
        return ()

    def marks(self, write: Write) -> frozenset[str]:
        """What a change makes true for good, for the checks to come."""
        return frozenset()

    def check(self, server: ApiServer) -> None:
        """Raise AssertionError where the objects are in a state that must never be."""

    def check_write(self, write: Write, before: ApiServer, after: ApiServer) -> None:
        """Raise AssertionError where the operator made a change that it must never make."""

    def check_rest(self, server: ApiServer) -> None:
        """Raise AssertionError where this is not how things may stay."""


@dataclass
class State:
    """The objects, the process, and what may still go wrong.

    Attributes:
        frozen: what a restarted process may be shown instead of the present: the objects of one resource as
            they were.
    """

    scenario: Scenario
    server: ApiServer
    process: Process
    budget: Budget
    frozen: tuple[Resource, dict[Id, Item]] | None = field(default=None)

    @classmethod
    def first(cls, scenario: Scenario, budget: Budget) -> "State":
        """The beginning: objects are there, and a process has just started."""
        server = ApiServer()
        scenario.begin(server)
        server.writes.clear()
        process = Process(Wiring(scenario.controllers))
        process.list_from(server.items)
        return cls(scenario, server, process, budget)

    def fork(self, **spent: int) -> "State":
        """A copy that can go another way and has spent so much."""
        budget = self.budget._replace(**{name: getattr(self.budget, name) - cost for name, cost in spent.items()})
        return replace(self, server=self.server.fork(), process=self.process.fork(), budget=budget)

    def pods(self, job: str) -> Sequence[Manifest]:
        """What a LIST of a Job's pods shows."""
        return self.scenario.pods(self.server, job)

    def tell(self) -> list[Write]:
        """Let the watches hear of what was written; returns it."""
        writes, self.server.writes = self.server.writes, []
        for write in writes:
            self.process.tell(write)
            self.server.marks |= self.scenario.marks(write)
        return writes

    # -- sameness --------------------------------------------------------------------------

    def key(self) -> tuple[object, ...]:
        """Equal for states with the same future, budget apart: resourceVersions count by their order only."""
        process, versions = self.process, self._versions()

        def known(item: Item) -> tuple[object, ...]:
            return (str(item.id), item.content, versions[item.id].index(item.version))

        return (
            self.server.now,
            tuple(sorted(known(item) for item in self.server.items.values())),
            tuple(sorted(known(item) for item in process.cache.values())),
            tuple(sorted((str(ref), due) for ref, due in process.due.items())),
            tuple(sorted(str(ref) for ref in process.awake)),
            tuple(sorted(self._agenda(ref, agenda, versions) for ref, agenda in process.agendas.items())),
            tuple(
                sorted(
                    (str(name), tuple((*known(n.item), n.gone) for n in news)) for name, news in process.held.items()
                )
            ),
            tuple(sorted(self.server.refused)),
            tuple(sorted(self.server.marks)),
            (str(self.frozen[0]), tuple(sorted(item.content for item in self.frozen[1].values())))
            if self.frozen
            else None,
        )

    def _versions(self) -> dict[Id, list[int]]:
        found: dict[Id, set[int]] = {}
        items = [*self.server.items.values(), *self.process.cache.values()]
        items += [news.item for queue in self.process.held.values() for news in queue]
        for item in items:
            found.setdefault(item.id, set()).add(item.version)
        for agenda in self.process.agendas.values():
            for id, version in agenda.guards:
                found.setdefault(id, set()).add(version)
        return {id: sorted(versions) for id, versions in found.items()}

    @staticmethod
    def _agenda(ref: Id, agenda: Agenda, versions: dict[Id, list[int]]) -> tuple[object, ...]:
        guards = tuple((str(id), versions[id].index(version)) for id, version in agenda.guards)
        return (str(ref), agenda.obj.content, agenda.content, agenda.done, guards)
