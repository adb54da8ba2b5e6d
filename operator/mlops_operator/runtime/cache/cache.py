# SPDX-License-Identifier: Apache-2.0
"""All stores together: the cached state that plans are computed from, and the listeners for changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.index import F, FactIndex, Index
from mlops_operator.runtime.cache.store import Change, Store
from mlops_operator.runtime.cache.watch import Watch, Watcher

Listener = Callable[[Change], None]
"""Called with every change after the store has it. Must not raise: a feeder cannot deal with it."""


class Cache:
    """One store per resource that is watched, shared by all controllers. Implements `World`.

    Args:
        controllers: those whose kinds, watches and indexes are served.
        namespaces: the namespaces that are watched; empty for all.

    Raises:
        ValueError: two controllers want the same resource differently.
    """

    def __init__(self, controllers: Iterable[Watcher], *, namespaces: Sequence[str] = ()) -> None:
        self._stores: dict[Resource, Store] = {}
        self._listeners: dict[Resource, list[Listener]] = {}
        self.selectors: dict[Resource, str] = {}
        controllers = tuple(controllers)
        own = _own_resources(controllers)
        for resource in own:
            self._add(Store(resource, namespaces=namespaces if resource.namespaced else ()))
        for resource, watch in _foreign_watches(controllers, own).items():
            self._add(Store(resource, trim=watch.trim, namespaces=namespaces if resource.namespaced else ()))
            if watch.label_selector is not None:
                self.selectors[resource] = watch.label_selector
        self._matches = {resource: parse_selector(text) for resource, text in self.selectors.items()}
        for controller in controllers:
            for index in controller.indexes:
                self.store(index.resource).add_index(index)

    # -- World -----------------------------------------------------------------------------

    def get(self, resource: Resource, key: Key) -> Manifest | None:
        """The object, or None where the cache has none."""
        return self.store(resource).get(key)

    def owned(self, resource: Resource, uid: str) -> Sequence[Manifest]:
        """Objects whose controlling owner has this UID, ordered by name."""
        return self.store(resource).owned(uid)

    def indexed(self, index: Index, value: str) -> Sequence[Manifest]:
        """Objects that `index` puts under `value`, ordered by namespace and name."""
        return self.store(index.resource).indexed(index, value)

    def contains(self, resource: Resource, key: Key) -> bool:
        """Whether the cache has the object."""
        return key in self.store(resource)

    def keys(self, index: Index, value: str) -> Sequence[Key]:
        """Keys of the objects that `index` puts under `value`, in order."""
        return self.store(index.resource).keys(index, value)

    def facts(self, index: FactIndex[F], value: str) -> Sequence[F]:
        """Facts of the objects that `index` puts under `value`, in ascending order; valid until the next change."""
        return self.store(index.resource).facts(index, value)

    # -- feeding ---------------------------------------------------------------------------

    @property
    def stores(self) -> Mapping[Resource, Store]:
        """Every store by its resource."""
        return self._stores

    def store(self, resource: Resource) -> Store:
        """The store of a resource.

        Raises:
            LookupError: no controller watches it.
        """
        try:
            return self._stores[resource]
        except KeyError:
            raise LookupError(f"{resource} is not cached; a controller must name it in `watches`") from None

    def subscribe(self, resource: Resource, listener: Listener) -> None:
        """Call `listener` with every change of the resource's objects."""
        self.store(resource)
        self._listeners.setdefault(resource, []).append(listener)

    def notify(self, resource: Resource, change: Change | None) -> None:
        """Call the listeners with a change; None is ignored."""
        if change is not None:
            for listener in self._listeners.get(resource, ()):
                listener(change)

    def observe(self, resource: Resource, obj: Manifest, *, by: tuple[Resource, Key] | None = None) -> None:
        """Take an object that the API server just gave: a watch event, or the answer to a write or a read.

        Args:
            resource: what it is an object of.
            obj: the object.
            by: see `Change.by`.

        An answer to a write of ours is here before its watch event, so a plan always reads our
        own writes. Objects of resources that no controller watches are ignored.
        """
        if (store := self._stores.get(resource)) is not None and self.selects(resource, obj):
            change = store.observe(obj)
            self.notify(resource, change._replace(by=by) if change is not None else None)

    def observe_deleted(self, resource: Resource, obj: Manifest) -> None:
        """Take the last state of an object that a watch reports as deleted."""
        if (store := self._stores.get(resource)) is not None:
            self.notify(resource, store.observe_deleted(obj))

    def observe_gone(self, resource: Resource, key: Key, uid: str) -> None:
        """Take a confirmed deletion that came without the object."""
        if (store := self._stores.get(resource)) is not None:
            self.notify(resource, store.observe_gone(key, uid))

    def selects(self, resource: Resource, obj: Manifest) -> bool:
        """Whether the watches of the resource would show this object."""
        matches = self._matches.get(resource)
        return matches is None or matches(obj["metadata"].get("labels") or {})

    def _add(self, store: Store) -> None:
        self._stores[store.resource] = store


def _own_resources(controllers: Sequence[Watcher]) -> dict[Resource, Watcher]:
    own: dict[Resource, Watcher] = {}
    for controller in controllers:
        if controller.resource in own:
            raise ValueError(f"two controllers reconcile {controller.resource}; expected one")
        own[controller.resource] = controller
    return own


def _foreign_watches(controllers: Sequence[Watcher], own: Mapping[Resource, Watcher]) -> dict[Resource, Watch]:
    """One watch for each resource that no controller reconciles."""
    foreign: dict[Resource, Watch] = {}
    for controller in controllers:
        for watch in controller.watches:
            if watch.resource in own:
                if watch.label_selector is not None or watch.trim is not None:
                    raise ValueError(
                        f"the controller of {controller.resource} wants {watch.resource} selected or trimmed; "
                        "a kind that has a controller is cached whole"
                    )
                continue
            known = foreign.setdefault(watch.resource, watch)
            if known.label_selector != watch.label_selector or known.trim is not watch.trim:
                raise ValueError(
                    f"the controller of {controller.resource} wants {watch.resource} with selector "
                    f"{watch.label_selector!r} and trim {watch.trim}, another one with {known.label_selector!r} and "
                    f"{known.trim}; there is one cache, so they must agree"
                )
    return foreign


def parse_selector(selector: str) -> Callable[[Mapping[str, str]], bool]:
    """A predicate on labels that says what the API server would.

    Raises:
        ValueError: the selector uses more than `key` and `key=value`.
    """
    required: list[tuple[str, str | None]] = []
    for term in selector.split(","):
        key, equals, value = term.strip().partition("=")
        if not key or any(symbol in key + value for symbol in "!()= "):
            raise ValueError(f"label selector {selector!r}: expected `key` or `key=value`, found {term.strip()!r}")
        required.append((key, value if equals else None))

    def matches(labels: Mapping[str, str]) -> bool:
        return all(key in labels and value in (None, labels[key]) for key, value in required)

    return matches
