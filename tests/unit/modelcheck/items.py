# SPDX-License-Identifier: Apache-2.0
"""Objects as the model knows them: never changed, cheap to compare, the same whatever way they were reached."""

import hashlib
import json
import marshal
from functools import cached_property
from typing import NamedTuple

from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.kube.resources import Resource
from tests.unit.controllers.builders import NAMESPACE


class Id(NamedTuple):
    """Where an object is found."""

    resource: Resource
    name: str

    @property
    def key(self) -> Key:
        """Its key within the resource."""
        return Key(NAMESPACE, self.name)

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.name}"


class Item:
    """One version of an object, as the API server stores it."""

    def __init__(self, resource: Resource, data: Manifest) -> None:
        metadata = data["metadata"]
        self.id = Id(resource, metadata["name"])
        self.uid: str = metadata["uid"]
        self.version = int(metadata["resourceVersion"])
        self._data = marshal.dumps(data)
        self.owner = owner_of(data)
        self.index_values: dict[str, frozenset[str]] = {}
        self.cached: Item | bool | None = False  # what a cache keeps of it; False: not asked yet

    @property
    def data(self) -> Manifest:
        """A copy of the manifest."""
        found: Manifest = marshal.loads(self._data)
        return found

    @cached_property
    def content(self) -> str:
        """A digest of all but the resourceVersion."""
        data = self.data
        del data["metadata"]["resourceVersion"]
        return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=8).hexdigest()

    @cached_property
    def going(self) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.data["metadata"]

    def __str__(self) -> str:
        return f"{self.id} ({self.uid}, version {self.version})"


def owner_of(data: Manifest) -> str:
    """UID of the controlling owner; empty where there is none."""
    return controller_uid(data) or ""
