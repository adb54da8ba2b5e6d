# SPDX-License-Identifier: Apache-2.0
"""Indexes over cached objects: how a controller declares one, and how a store keeps it.

Two shapes are kept: from a value to the keys that have it, small for the usual one or two keys a value, and to sorted
facts.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource


@dataclass(frozen=True)
class Index:
    """An index of the cached objects of one resource, e.g. "Evaluations by candidate".

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


_TUPLE_LONGEST: Final = 8
"""Up to this number of keys a tuple (56 bytes and 8 a key) is smaller than a set (216 bytes or more) and as fast."""


class InvertedIndex:
    """An index from a value to the keys that have it. Adding or removing a key twice has no effect."""

    __slots__ = ("_by_value",)

    def __init__(self) -> None:
        self._by_value: dict[str, tuple[Key, ...] | set[Key]] = {}

    def add(self, values: Iterable[str], key: Key) -> None:
        """Put `key` under each of `values`."""
        for value in values:
            found = self._by_value.get(value)
            if found is None:
                self._by_value[value] = (key,)
            elif isinstance(found, set):
                found.add(key)
            elif key not in found:
                longer = (*found, key)
                self._by_value[value] = longer if len(longer) <= _TUPLE_LONGEST else set(longer)

    def remove(self, values: Iterable[str], key: Key) -> None:
        """Take `key` from each of `values`; a value without keys is forgotten."""
        for value in values:
            found = self._by_value.get(value)
            if found is None:
                continue
            if isinstance(found, set):
                found.discard(key)
            else:
                found = tuple(other for other in found if other != key)
                self._by_value[value] = found
            if not found:
                del self._by_value[value]

    def get(self, value: str) -> list[Key]:
        """The keys under `value`, by namespace and name."""
        return sorted(self._by_value.get(value, ()))

    def __len__(self) -> int:
        return len(self._by_value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_value)


class SortedFacts:
    """Facts by value, each list in ascending order. To add and to remove one costs O(log n) comparisons."""

    __slots__ = ("_by_value",)

    def __init__(self) -> None:
        self._by_value: dict[str, list[tuple[Any, ...]]] = {}

    def add(self, values: Iterable[str], fact: tuple[Any, ...]) -> None:
        """Put `fact` under each of `values`."""
        for value in values:
            insort(self._by_value.setdefault(value, []), fact)

    def remove(self, values: Iterable[str], fact: tuple[Any, ...]) -> None:
        """Remove one `fact` from each of `values`; a value without facts is dropped."""
        for value in values:
            facts = self._by_value.get(value, [])
            at = bisect_left(facts, fact)
            if at < len(facts) and facts[at] == fact:
                del facts[at]
            if not facts:
                self._by_value.pop(value, None)

    def get(self, value: str) -> Sequence[tuple[Any, ...]]:
        """The facts under `value`, in ascending order; valid until the next change."""
        return self._by_value.get(value, ())
