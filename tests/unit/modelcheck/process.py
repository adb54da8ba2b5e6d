# SPDX-License-Identifier: Apache-2.0
"""The model of the operator's process: its cache, its queue, its appointments, and plans half carried out.

Plans are made by the real controllers and carried out, one write at a time, by the real executor. The cache
takes news by the rules of `runtime/cache/store.py`, the queue wakes by those of `runtime/work/reconciler.py`; that they
keep these rules is tested where they are, and what they bring about is searched here.
"""

import json
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import ApiError
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.work.answers import Rejected
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.executor import Executor, Outdated
from mlops_operator.runtime.work.plan import Action, Create, Delete, Patch, Plan, PodsOfJob, Read
from tests.unit.controllers.builders import NAMESPACE, later
from tests.unit.controllers.lookups import Lookups
from tests.unit.modelcheck.apiserver import ApiServer, Requests, Write
from tests.unit.modelcheck.items import Id, Item

T = TypeVar("T")

LONGEST_QUEUE = 4
"""News that a held watch keeps back; the oldest is let through beyond that."""


class Wiring:
    """What does not change: the controllers, and what they watch, select, trim and index."""

    def __init__(self, controllers: Sequence[Controller]) -> None:
        self.controllers = {controller.resource: controller for controller in controllers}
        self.real = Cache(controllers)

    def keeps(self, item: Item) -> Item | None:
        """What a cache keeps of an object: trimmed, or nothing."""
        if isinstance(item.cached, bool):
            item.cached = self._keeps(item)
        return item.cached

    def _keeps(self, item: Item) -> Item | None:
        store = self.real.stores.get(item.id.resource)
        if store is None or not self.real.selects(item.id.resource, item.data):
            return None
        return Item(item.id.resource, store.trim(item.data)) if store.trim is not None else item


@dataclass(frozen=True)
class Agenda:
    """A plan at work.

    Attributes:
        obj: the version of the object that was planned for.
        plan: the plan.
        done: how many of its actions have been carried out.
    """

    obj: Item
    plan: Plan
    done: int = 0

    @cached_property
    def content(self) -> str:
        """What distinguishes it, resourceVersions apart."""
        actions = [_without_version(action) for action in self.plan.actions[self.done :]]
        return json.dumps([actions, self.plan.status, self.plan.requeue_after, self.plan.final], sort_keys=True)

    @property
    def guards(self) -> list[tuple[Id, int]]:
        """The versions on which its writes depend."""
        guarded = [action for action in self.plan.actions[self.done :] if isinstance(action, Patch | Delete)]
        found = [(Id(action.resource, action.name), int(action.resource_version)) for action in guarded]
        grounds = [Item(resource, ground) for resource, ground in self.next.depends_on]
        return [(self.obj.id, self.obj.version), *found, *((ground.id, ground.version) for ground in grounds)]

    @property
    def next(self) -> Plan:
        """The plan as its next step sees it: what it goes by is looked at before the first."""
        return self.plan if self.done == 0 else replace(self.plan, depends_on=(), confirm_absent=())


class News(NamedTuple):
    """A line of a watch: the object, or the last state of one that is gone."""

    item: Item
    gone: bool


@dataclass
class Process(Lookups):
    """One process of the operator; implements what plans and the executor take for the cache."""

    wiring: Wiring
    cache: dict[Id, Item] = field(default_factory=dict)
    buried: frozenset[str] = frozenset()
    awake: frozenset[Id] = frozenset()
    due: dict[Id, int] = field(default_factory=dict)
    agendas: dict[Id, Agenda] = field(default_factory=dict)
    held: dict[Resource, tuple[News, ...]] = field(default_factory=dict)

    def fork(self) -> "Process":
        """A copy that can go another way."""
        return replace(
            self, cache=dict(self.cache), due=dict(self.due), agendas=dict(self.agendas), held=dict(self.held)
        )

    # -- news ------------------------------------------------------------------------------

    def tell(self, write: Write) -> None:
        """A change reaches the watch of its resource, now or when it is let go."""
        item = write.after or write.before
        assert item is not None
        news = News(item, write.after is None)
        resource = write.id.resource
        if resource not in self.held:
            self._take(news)
        elif len(waiting := (*self.held[resource], news)) <= LONGEST_QUEUE:
            self.held[resource] = waiting
        else:
            self._take(waiting[0])
            self.held[resource] = waiting[1:]

    def hold(self, resource: Resource) -> None:
        """From now on nothing comes from the watch of this resource."""
        self.held.setdefault(resource, ())

    def let_one_through(self, resource: Resource) -> None:
        """The oldest news of a held watch comes in."""
        first, *rest = self.held[resource]
        self.held[resource] = tuple(rest)
        self._take(first)

    def let_go(self, resource: Resource) -> None:
        """A held watch brings all it has, and flows."""
        for news in self.held.pop(resource):
            self._take(news)

    def list_from(self, items: dict[Id, Item]) -> None:
        """Begin anew, with what a LIST shows; every object of ours is looked at."""
        self.cache, self.buried, self.awake = {}, frozenset(), frozenset()
        self.due, self.agendas, self.held = {}, {}, {}
        for item in items.values():
            self._take(News(item, False))
        self.awake = frozenset(id for id in self.cache if id.resource in self.wiring.controllers)

    def _take(self, news: News) -> None:
        kept = None if news.gone else self.wiring.keeps(news.item)
        id = news.item.id
        if kept is None:
            self.observe_gone(id.resource, id.key, news.item.uid)
        else:
            self._put(kept, by=None)

    def _put(self, item: Item, *, by: Id | None) -> None:
        old = self.cache.get(item.id)
        if item.uid in self.buried or (old is not None and item.version <= old.version):
            return
        if old is not None and old.uid != item.uid:
            self.buried |= {old.uid}
        self.cache[item.id] = item
        if old is None or old.content != item.content:
            self._wake(item.id, old, item, by)

    def _wake(self, id: Id, old: Item | None, new: Item | None, by: Id | None) -> None:
        woken: set[Id] = set()
        for controller in self.wiring.controllers.values():
            if controller.resource == id.resource:
                woken.add(id)
            for watch in controller.watches:
                if watch.resource == id.resource:
                    states = (old.data if old is not None else None, new.data if new is not None else None)
                    woken |= {Id(controller.resource, key.name) for key in watch.concerned(*states, self)}
        self.awake |= woken - {by}

    # -- what the executor takes for the cache -----------------------------------------------

    def observe(self, resource: Resource, obj: Manifest, *, by: tuple[Resource, Key] | None = None) -> None:
        kept = self.wiring.keeps(Item(resource, obj))
        if kept is not None:
            self._put(kept, by=Id(by[0], by[1].name) if by is not None else None)

    def observe_gone(self, resource: Resource, key: Key, uid: str) -> None:
        self.buried |= {uid}
        old = self.cache.get(Id(resource, key.name))
        if old is not None and old.uid == uid:
            del self.cache[old.id]
            self._wake(old.id, old, None, None)

    def selects(self, resource: Resource, obj: Manifest) -> bool:
        return self.wiring.real.selects(resource, obj)

    @property
    def selectors(self) -> dict[Resource, str]:
        return self.wiring.real.selectors

    @property
    def stores(self) -> Any:
        return self.wiring.real.stores

    def store(self, resource: Resource) -> "Shelf":
        self.wiring.real.store(resource)
        return Shelf(resource, self.cache)

    # -- what a plan takes for the world -----------------------------------------------------

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        self.wiring.real.store(resource)
        item = self.cache.get(Id(resource, key.name))
        return item.data if item is not None and key.namespace == NAMESPACE else None

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        self.wiring.real.store(resource)
        return [item.data for item in self._sorted(resource) if item.owner == uid]

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        return [item.data for item in self._sorted(index.resource) if value in _values(index, item)]

    def _sorted(self, resource: Resource) -> list[Item]:
        return sorted(
            (item for id, item in self.cache.items() if id.resource == resource), key=lambda item: item.id.name
        )

    # -- working ---------------------------------------------------------------------------

    def plan(self, ref: Id, server: ApiServer, pods: Callable[[str], Sequence[Manifest]]) -> Agenda | None:
        """What would be done about an object now; None where there is no object to plan for."""
        item = self.cache.get(ref)
        if item is None or item.going:
            return None
        controller, now = self.wiring.controllers[ref.resource], later(server.now)
        # Events and nodes only word what keeps a pod: in the small worlds there are none.
        reads: dict[Read, Sequence[Manifest]] = {
            read: [pod for pod in pods(read.job) if read.asks_for(pod)] if isinstance(read, PodsOfJob) else ()
            for read in controller.reads(item.data, self, now)
        }
        return Agenda(item, controller.plan(item.data, self, reads, now))

    def look(self, ref: Id, server: ApiServer, pods: Callable[[str], Sequence[Manifest]]) -> Agenda | None:
        """Plan for an object; what is to be done is on the agenda afterwards."""
        self.awake -= {ref}
        agenda = self.plan(ref, server, pods)
        if agenda is None:
            self.due.pop(ref, None)
        elif has_work(agenda):
            self.agendas[ref] = agenda
        else:
            self._settle(ref, agenda.plan, server.now)
        return agenda

    def work(self, ref: Id, server: ApiServer, *, lost: bool = False) -> None:
        """Carry out the next write of an agenda; `lost`: it is carried out, but nobody says so."""
        agenda = self.agendas[ref]
        executor = Executor(cast(Client, Requests(server, lost=lost)), cast(Cache, self), instance="model")
        controller, now = self.wiring.controllers[ref.resource], later(server.now)
        try:
            if agenda.done < len(agenda.plan.actions):
                action = agenda.plan.actions[agenda.done]
                step = replace(agenda.next, actions=(action,), status=None, events=())
                _run(executor.execute(ref.resource, agenda.obj.data, step, now=now))
                agenda = Agenda(agenda.obj, agenda.plan, agenda.done + 1)
            else:
                step = replace(agenda.next, actions=(), events=())
                _run(executor.execute(ref.resource, agenda.obj.data, step, now=now))
                agenda = Agenda(agenda.obj, replace(agenda.plan, status=None), agenda.done)
        except Rejected as rejected:
            plan = controller.rejected(agenda.obj.data, rejected.rejection, now)
            agenda = Agenda(agenda.obj, replace(plan, actions=()))
        except (Outdated, ApiError):
            del self.agendas[ref]
            self.due.pop(ref, None)
            self.awake |= {ref}
            return
        self.agendas[ref] = agenda
        if not has_work(agenda):
            del self.agendas[ref]
            self._settle(ref, agenda.plan, server.now)

    def _settle(self, ref: Id, plan: Plan, now: int) -> None:
        self.due.pop(ref, None)
        if plan.requeue_after is not None:
            self.due[ref] = now + max(1, math.ceil(plan.requeue_after))

    def keep_appointments(self, now: int) -> None:
        """Wake what is due."""
        late = {ref for ref, due in self.due.items() if due <= now}
        self.awake |= late
        for ref in late:
            del self.due[ref]


class Shelf:
    """What the executor asks of one store."""

    def __init__(self, resource: Resource, cache: dict[Id, Item]) -> None:
        self._resource = resource
        self._cache = cache

    def version(self, key: Key) -> str | None:
        item = self._cache.get(Id(self._resource, key.name))
        return str(item.version) if item is not None else None

    def recently_deleted(self, key: Key) -> bool:
        """Never: what is remembered for two minutes may be forgotten, and the walks must hold without it."""
        return False

    def only_from_initial_list(self, key: Key) -> bool:
        """Never, likewise: a look more at the parent."""
        return False


def has_work(agenda: Agenda) -> bool:
    """Whether anything is left to write; events are not counted."""
    if agenda.done < len(agenda.plan.actions):
        return True
    executor = Executor(cast(Client, None), cast(Cache, None), instance="model")
    return executor.has_work(agenda.obj.data, replace(agenda.plan, actions=(), events=()))


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The outcome of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast(T, stop.value)
    raise AssertionError("the model answers at once")


def _values(index: Index, item: Item) -> frozenset[str]:
    if index.name not in item.index_values:
        item.index_values[index.name] = frozenset(index.values(item.data))
    return item.index_values[index.name]


def _without_version(action: Action) -> list[object]:
    if isinstance(action, Create) or not isinstance(action, Patch | Delete):
        return [type(action).__name__, action.manifest]
    return [type(action).__name__, str(action.resource), action.name, action.uid, dict(getattr(action, "body", {}))]
