# SPDX-License-Identifier: Apache-2.0
"""The cheap look-ups of a world, made of the dear ones: for worlds that hold few objects."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.index import F, FactIndex, Index


class Lookups(ABC):
    """Keys, presence and facts."""

    @abstractmethod
    def get(self, resource: Resource, key: Key) -> Manifest | None: ...

    @abstractmethod
    def indexed(self, index: Index, value: str) -> Sequence[Manifest]: ...

    def contains(self, resource: Resource, key: Key) -> bool:
        return self.get(resource, key) is not None

    def keys(self, index: Index, value: str) -> Sequence[Key]:
        return [Key(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in self.indexed(index, value)]

    def facts(self, index: FactIndex[F], value: str) -> Sequence[F]:
        return sorted(index.fact(obj) for obj in self.indexed(index, value))
