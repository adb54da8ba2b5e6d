# SPDX-License-Identifier: Apache-2.0
"""What a controller declares of the objects that it watches, and how it sees them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mlops_operator.api.meta import Key, Manifest, controller_reference
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.index import F, FactIndex, Index


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
    """Objects whose changes enqueue objects of a controller.

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
        ended: whether an object has completed, so that the objects that it concerns are reconciled before others.
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


class Watcher(Protocol):
    """What the cache needs of one kind.

    Attributes:
        resource: the kind whose objects are reconciled.
        watches: all other resources whose changes enqueue its objects.
        indexes: the indexes that it uses.
    """

    resource: Resource
    watches: Sequence[Watch]
    indexes: Sequence[Index]


def owner_keys(owner: Resource) -> Callable[[Manifest, World], Iterable[Key]]:
    """Maps a child to the object of kind `owner` that controls it."""

    def keys(child: Manifest, _world: World) -> Iterable[Key]:
        reference = controller_reference(child)
        if reference is None:
            return
        if reference["kind"] == owner.kind and reference["apiVersion"].partition("/")[0] == owner.group:
            yield Key(child["metadata"].get("namespace", ""), reference["name"])

    return keys
