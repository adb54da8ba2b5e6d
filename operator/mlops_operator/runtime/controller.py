"""The interface between the engine and a kind.

A controller is wiring: it says what it watches, turns the cache into what its pure plan
wants to see, and hands the plan back. It does no I/O and reads no clock: `now` comes in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from mlops_operator.api.meta import Key, Manifest, controller_reference
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.plan import Plan, Read, Rejection


@dataclass(frozen=True)
class Index:
    """A look-up over cached objects of one resource, e.g. "Evaluations by candidate".

    Attributes:
        resource: the objects that are indexed.
        name: unique within the resource.
        values: the values under which an object is found; conventionally `namespace/name`
            of what it refers to (`str(Key)`).
    """

    resource: Resource
    name: str
    values: Callable[[Manifest], Iterable[str]] = field(compare=False)


F = TypeVar("F", bound=tuple[Any, ...])


@dataclass(frozen=True)
class FactIndex(Index, Generic[F]):
    """An index that keeps a small fact of each object, so that a plan that sees n objects decodes and parses none.

    Attributes:
        fact: the fact, taken once when the object changes. Facts under one value are kept in ascending order, so the
            fact begins with what orders it, and contains the name where nothing else makes it unique.
    """

    fact: Callable[[Manifest], F] = field(compare=False)


class World(Protocol):
    """What the caches hold at this moment; read only, never the wire."""

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        """The object, or None where the cache has none. Never to be changed by the reader."""
        ...

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        """Objects whose controlling owner has this UID, ordered by name."""
        ...

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        """Objects that `index` puts under `value`, ordered by namespace and name."""
        ...

    def contains(self, resource: Resource, key: Key) -> bool:
        """Whether the cache has the object; costs less than `get`."""
        ...

    def keys(self, index: Index, value: str) -> Sequence[Key]:
        """Keys of the objects that `index` puts under `value`, in order; costs less than `indexed`."""
        ...

    def facts(self, index: FactIndex[F], value: str) -> Sequence[F]:
        """Facts of the objects that `index` puts under `value`, in ascending order; valid until the next change."""
        ...


def _never(_obj: Manifest) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Objects whose changes make a controller look again.

    Attributes:
        resource: what is watched. Our own kinds come through kopf, all others through the
            engine's own watches; either way there is one cache per resource, shared by all controllers.
        label_selector: for resources that are not ours, the only objects that are listed and cached.
            Every controller that watches a resource must name the same selector or none of the
            others' objects reach it: the engine ORs nothing, it refuses differing selectors.
        keys: the objects of the controller's own kind that a new or deleted object concerns.
        between: those that a change from one state of an object to another concerns; None for `keys` of both states.
            Without it every change costs a plan for each of `keys`, so a watch whose keys are many needs it.
        trim: what of the object is kept in the cache; None keeps all but managedFields and the
            last-applied annotation.
        ended: whether an object's work is over, so that those whom it concerns are looked at before others.
    """

    resource: Resource
    keys: Callable[[Manifest, World], Iterable[Key]]
    label_selector: str | None = None
    between: Callable[[Manifest, Manifest, World], Iterable[Key]] | None = None
    trim: Callable[[Manifest], Manifest] | None = None
    ended: Callable[[Manifest], bool] = _never

    def concerned(self, old: Manifest | None, new: Manifest | None, world: World) -> Iterator[Key]:
        """The objects that a change concerns; a key may be repeated.

        Args:
            old: the object before, or None if it is new.
            new: the object after, or None if it was deleted.
            world: the caches after the change.
        """
        if self.between is not None and old is not None and new is not None and _same_object(old, new):
            yield from self.between(old, new, world)
            return
        for state in (old, new):
            if state is not None:
                yield from self.keys(state, world)


def _same_object(old: Manifest, new: Manifest) -> bool:
    same: bool = old["metadata"]["uid"] == new["metadata"]["uid"]
    return same


@dataclass(frozen=True)
class Rule:
    """One RBAC rule: verbs on a resource or its subresource. The chart is generated from these."""

    resource: Resource
    verbs: tuple[str, ...]
    subresource: str = ""


class Controller(Protocol):
    """What the engine needs of one kind.

    Attributes:
        resource: the kind whose objects are reconciled.
        watches: everything but `resource` itself that wakes it.
        indexes: look-ups it uses.
        rules: the rights it needs beyond reading its own kind and patching its status.
    """

    resource: Resource
    watches: Sequence[Watch]
    indexes: Sequence[Index]
    rules: Sequence[Rule]

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """Reads from the API server that this object's plan cannot do without; usually none."""
        ...

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The plan for the object: pure, total and deterministic in its arguments."""
        ...

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """The plan after an action was refused for good: usually a `Stalled` status and no action."""
        ...


def owner_keys(owner: Resource) -> Callable[[Manifest, World], Iterable[Key]]:
    """Maps a child to the object of kind `owner` that controls it."""

    def keys(child: Manifest, _world: World) -> Iterable[Key]:
        reference = controller_reference(child)
        if reference is None:
            return
        if reference["kind"] == owner.kind and reference["apiVersion"].partition("/")[0] == owner.group:
            yield Key(child["metadata"].get("namespace", ""), reference["name"])

    return keys
