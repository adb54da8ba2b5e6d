# SPDX-License-Identifier: Apache-2.0
"""The cached objects of one resource: the latest version of each that the API server has returned.

Updates arrive in four unsynchronized ways: pages of a LIST, watch events, the answers to this process's own writes,
and the end of a LIST, which shows what no longer exists. A store accepts them in any order and ends in the same state,
because resourceVersions of one cluster compare as integers, and a deleted UID is never used again.

Objects are kept marshalled: a fifth of the memory of nested dicts, 6 us to put in and 12 us
to take out for a 2 kB object, and every reader gets a copy of its own. `marshal` is safe here
because nothing but this process ever writes or reads the bytes.
"""

import marshal
import time
from collections.abc import Callable, Iterator, Sequence
from sys import intern
from typing import Any, Final, NamedTuple, cast

from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.index import F, FactIndex, Index, InvertedIndex, SortedFacts

TOMBSTONE_LIFETIME: Final = 120.0
"""Seconds for which a deleted UID is remembered: the answer to a write takes 30 s at the longest, and repeats."""

FOREVER: Final = 2**63
"""The resourceVersion of a deletion that was confirmed without one."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


class Change(NamedTuple):
    """The change of one object.

    Attributes:
        key: which.
        old: as it was, or None if it is new.
        new: as it is, or None if it was deleted.
        initial: whether it came with a LIST, so that nothing is waiting for a reaction.
        by: the object whose final plan wrote it (see `Plan.final`), or None.
    """

    key: Key
    old: Manifest | None
    new: Manifest | None
    initial: bool
    by: tuple[Resource, Key] | None = None


class _Entry:
    """One object: its bytes, and what is needed of it without decoding."""

    __slots__ = ("data", "facts", "indexed", "owner", "uid", "version")

    def __init__(
        self,
        *,
        data: bytes,
        version: int,
        uid: str,
        owner: str,
        indexed: tuple[tuple[str, ...], ...],
        facts: tuple[tuple[Any, ...] | None, ...],
    ) -> None:
        self.data = data
        self.version = version
        self.uid = uid
        self.owner = owner
        self.indexed = indexed
        self.facts = facts


class Store:
    """The objects of one resource.

    Args:
        resource: what is stored.
        trim: what is kept of an object; None keeps all but managedFields and the last-applied annotation.
        namespaces: those that are listed, one LIST each; empty for one LIST over all.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        resource: Resource,
        *,
        trim: Callable[[Manifest], Manifest] | None = None,
        namespaces: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.resource = resource
        self.trim = trim
        self._clock = clock
        self._entries: dict[Key, _Entry] = {}
        self._owned = InvertedIndex()
        self._indexes: list[tuple[Index, InvertedIndex]] = []
        self._facts: list[tuple[FactIndex[Any], SortedFacts]] = []
        self._listed: dict[str | None, int | None] = dict.fromkeys(namespaces or (None,))
        self._began: dict[str | None, int] = {}
        self._tombstones: dict[str, tuple[int, float]] = {}
        self._recently_deleted: dict[Key, float] = {}

    # -- reading ---------------------------------------------------------------------------

    @property
    def synced(self) -> bool:
        """Whether every scope was listed at least once."""
        return None not in self._listed.values()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        """Keys of all objects, in no particular order; the store must not change during the iteration."""
        return iter(self._entries)

    def get(self, key: Key) -> Manifest | None:
        """A copy of the object, or None."""
        entry = self._entries.get(key)
        return _decode(entry) if entry is not None else None

    def version(self, key: Key) -> str | None:
        """The object's resourceVersion, or None where there is no object."""
        entry = self._entries.get(key)
        return str(entry.version) if entry is not None else None

    def owned(self, uid: str) -> list[Manifest]:
        """Copies of the objects whose controlling owner has this UID, by namespace and name."""
        return [_decode(self._entries[key]) for key in self._owned.get(uid)]

    def indexed(self, index: Index, value: str) -> list[Manifest]:
        """Copies of the objects that `index` puts under `value`, by namespace and name."""
        return [_decode(self._entries[key]) for key in self.keys(index, value)]

    def keys(self, index: Index, value: str) -> list[Key]:
        """Keys of the objects that `index` puts under `value`, in order."""
        for known, inverted in self._indexes:
            if known.name == index.name:
                return inverted.get(value)
        raise self._no_index(index)

    def facts(self, index: FactIndex[F], value: str) -> Sequence[F]:
        """Facts of the objects that `index` puts under `value`, in ascending order; valid until the next change."""
        for known, facts in self._facts:
            if known.name == index.name:
                return cast(Sequence[F], facts.get(value))
        raise self._no_index(index)

    def _no_index(self, index: Index) -> LookupError:
        return LookupError(f"{self.resource} has no index {index.name!r}; a controller must declare it in `indexes`")

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    # -- updating --------------------------------------------------------------------------

    def add_index(self, index: Index) -> None:
        """Maintain `index` from now on; only before the first object. Adding the very same again changes nothing."""
        added = [known for known, _ in (*self._indexes, *self._facts)]
        if any(known is index for known in added):
            return
        if self._entries:
            raise RuntimeError(f"index {index.name!r} of {self.resource} was added after the first object")
        if any(known.name == index.name for known in added):
            raise ValueError(f"{self.resource} has two indexes called {index.name!r}; expected one name each")
        if isinstance(index, FactIndex):
            self._facts.append((index, SortedFacts()))
        else:
            self._indexes.append((index, InvertedIndex()))

    def observe(self, obj: Manifest) -> Change | None:
        """Take an object from a watch event or from the answer to a write; None if it changes nothing."""
        key, version = _identify(obj)
        if key not in self._entries:
            listed = self._listed.get(key.namespace, self._listed.get(None))
            if listed is not None and version <= listed:
                return None  # a newer LIST did not have it: it was deleted
        return self._put(key, obj, version, initial=False)

    def observe_deleted(self, obj: Manifest) -> Change | None:
        """Take the last state of an object that a watch reports as deleted, or as no longer selected."""
        key, version = _identify(obj)
        uid = obj["metadata"]["uid"]
        entry = self._entries.get(key)
        if entry is not None and entry.uid == uid and entry.version > version:
            return None  # a stale DELETED event: the object was selected again since
        self._add_tombstone(uid, version)
        return self._remove(key, initial=False) if entry is not None and entry.uid == uid else None

    def observe_gone(self, key: Key, uid: str) -> Change | None:
        """Take a confirmed deletion that came without the object, such as the answer to our own DELETE."""
        self._add_tombstone(uid, FOREVER)
        entry = self._entries.get(key)
        return self._remove(key, initial=False) if entry is not None and entry.uid == uid else None

    def recently_deleted(self, key: Key) -> bool:
        """Whether an object of this name was deleted within the last two minutes."""
        return self._recently_deleted.get(key, 0.0) > self._clock()

    def only_from_initial_list(self, key: Key) -> bool:
        """Whether the first LIST, which may have been stale, is the only source of the cached object."""
        entry = self._entries.get(key)
        began = self._began.get(key.namespace, self._began.get(None, 0))
        return entry is not None and entry.version <= began

    def begin_replace(self, namespace: str | None = None) -> "Replacement":
        """Begin to take a LIST of one namespace, or of all where the store is not namespaced."""
        if namespace not in self._listed:
            raise LookupError(f"{self.resource} is not listed in scope {namespace!r}; scopes: {list(self._listed)}")
        return Replacement(self, namespace)

    # -- inside ----------------------------------------------------------------------------

    def _put(self, key: Key, obj: Manifest, version: int, *, initial: bool, listed: int = 0) -> Change | None:
        uid = obj["metadata"]["uid"]
        tombstone = self._tombstones.get(uid)
        if tombstone is not None and version <= tombstone[0] and listed <= tombstone[0]:
            return None
        entry = self._entries.get(key)
        if entry is not None and version <= entry.version:
            return None
        kept = _strip(self.trim(obj) if self.trim is not None else obj)
        old = _decode(entry) if entry is not None else None
        if entry is not None:
            self._unindex(key, entry)
            if entry.uid != uid:
                self._add_tombstone(entry.uid, FOREVER)
        self._entries[key] = fresh = self._entry(kept, version)
        self._index(key, fresh)
        if old is not None and _equal(old, kept):
            return None  # only fields that are not kept here changed
        return Change(key, old, kept, initial)

    def _remove(self, key: Key, *, initial: bool) -> Change:
        entry = self._entries.pop(key)
        self._unindex(key, entry)
        now = self._clock()
        self._recently_deleted.pop(key, None)
        self._recently_deleted[key] = now + TOMBSTONE_LIFETIME
        while (
            self._recently_deleted[oldest := next(iter(self._recently_deleted))] <= now
        ):  # oldest first, by construction
            del self._recently_deleted[oldest]
        return Change(key, _decode(entry), None, initial)

    def _entry(self, kept: Manifest, version: int) -> _Entry:
        metadata = kept["metadata"]
        indexed = tuple(tuple(index.values(kept)) for index, _ in (*self._indexes, *self._facts))
        facts = tuple(
            index.fact(kept) if values else None
            for (index, _), values in zip(self._facts, indexed[len(self._indexes) :], strict=True)
        )
        owner = intern(controller_uid(kept) or "")
        uid, data = metadata["uid"], marshal.dumps(kept)
        return _Entry(data=data, version=version, uid=uid, owner=owner, indexed=indexed, facts=facts)

    def _index(self, key: Key, entry: _Entry) -> None:
        if entry.owner:
            self._owned.add((entry.owner,), key)
        for (_, inverted), values in zip(self._indexes, entry.indexed, strict=False):
            inverted.add(values, key)
        rest = entry.indexed[len(self._indexes) :]
        for (_, facts), values, fact in zip(self._facts, rest, entry.facts, strict=True):
            if fact is not None:
                facts.add(values, fact)

    def _unindex(self, key: Key, entry: _Entry) -> None:
        if entry.owner:
            self._owned.remove((entry.owner,), key)
        for (_, inverted), values in zip(self._indexes, entry.indexed, strict=False):
            inverted.remove(values, key)
        rest = entry.indexed[len(self._indexes) :]
        for (_, facts), values, fact in zip(self._facts, rest, entry.facts, strict=True):
            if fact is not None:
                facts.remove(values, fact)

    def _add_tombstone(self, uid: str, version: int) -> None:
        now = self._clock()
        known = self._tombstones.pop(uid, None)
        self._tombstones[uid] = (max(version, known[0]) if known else version, now + TOMBSTONE_LIFETIME)
        while self._tombstones:  # oldest first, by construction
            oldest = next(iter(self._tombstones))
            if self._tombstones[oldest][1] > now:
                break
            del self._tombstones[oldest]


class Replacement:
    """One LIST on its way into a store: `add` every object, then `finish`."""

    def __init__(self, store: Store, namespace: str | None) -> None:
        self._store = store
        self._namespace = namespace
        self._seen: set[Key] = set()

    def add(self, obj: Manifest, *, listed: int) -> Change | None:
        """Take one object of a LIST that was true at resourceVersion `listed`."""
        key, version = _identify(obj)
        self._seen.add(key)
        return self._store._put(key, obj, version, initial=True, listed=listed)

    def finish(self, listed: int) -> list[Change]:
        """End the LIST: what it did not have, and is not newer than the LIST, was deleted."""
        store = self._store
        changes = []
        for key, entry in list(store._entries.items()):
            if key in self._seen or entry.version > listed or self._namespace not in (None, key.namespace):
                continue
            store._add_tombstone(entry.uid, listed)
            changes.append(store._remove(key, initial=True))
        store._began.setdefault(self._namespace, listed)
        store._listed[self._namespace] = max(listed, store._listed[self._namespace] or 0)
        return changes


def _identify(obj: Manifest) -> tuple[Key, int]:
    metadata = obj["metadata"]
    return Key(intern(metadata.get("namespace", "")), metadata["name"]), int(metadata["resourceVersion"])


def _decode(entry: _Entry) -> Manifest:
    found: Manifest = marshal.loads(entry.data)
    return found


def _equal(old: Manifest, new: Manifest) -> bool:
    """Whether the two differ in nothing but the resourceVersion."""
    metadata = old["metadata"]
    version = metadata["resourceVersion"]
    metadata["resourceVersion"] = new["metadata"]["resourceVersion"]
    equal = old == new
    metadata["resourceVersion"] = version
    return equal


def _strip(obj: Manifest) -> Manifest:
    """The object without what only the API server and kubectl read."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    if "managedFields" not in metadata and _LAST_APPLIED not in annotations:
        return obj
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    if _LAST_APPLIED in annotations:
        kept["annotations"] = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
        if not kept["annotations"]:
            del kept["annotations"]
    return {**obj, "metadata": kept}
