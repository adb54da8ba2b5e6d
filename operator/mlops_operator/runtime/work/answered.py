# SPDX-License-Identifier: Apache-2.0
"""The versions of objects in the last answers to requests of this process."""

from typing import Final

from mlops_operator.api.meta import Key
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.cache import Cache

LEAST_ANSWERS: Final = 1024
"""Versions that are kept before those of objects that have changed since are dropped."""


class AnsweredVersions:
    """The resourceVersion of the last answer about each object, as long as the cache has that version.

    Args:
        cache: says which versions still hold.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._versions: dict[tuple[Resource, Key], str] = {}
        self._most = LEAST_ANSWERS

    def __len__(self) -> int:
        return len(self._versions)

    def record(self, resource: Resource, key: Key, version: str) -> None:
        """Record that an answer about the object was of this version."""
        self._versions[resource, key] = version
        if len(self._versions) > self._most:
            self._versions = {
                (kind, name): known
                for (kind, name), known in self._versions.items()
                if self._cache.store(kind).version(name) == known
            }
            self._most = max(LEAST_ANSWERS, 2 * len(self._versions))

    def confirms(self, resource: Resource, key: Key, version: str) -> bool:
        """Whether the last answer about the object was of this version."""
        return self._versions.get((resource, key)) == version
