# SPDX-License-Identifier: Apache-2.0
"""The model of an API server, and the client through which the operator's own executor speaks to it.

It knows identities, versions, generations, preconditions, subresources, deletion that something holds,
and leaves what a deleted owner leaves behind to a garbage collector that comes later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.errors import AlreadyExists, Conflict, Forbidden, NotFound, Unreachable
from mlops_operator.kube.resources import Resource
from tests.unit.controllers.builders import NAMESPACE, later
from tests.unit.modelcheck.items import Id, Item

HOLDING = "foregroundDeletion"
"""The finalizer of an object that is deleted in the foreground."""


@dataclass(frozen=True)
class Write:
    """One change of one object: before and after."""

    verb: str
    before: Item | None
    after: Item | None

    @property
    def id(self) -> Id:
        """The object."""
        item = self.after or self.before
        assert item is not None
        return item.id

    def __str__(self) -> str:
        return f"{self.verb} {self.id}"


@dataclass
class ApiServer:
    """All objects of one namespace.

    Attributes:
        now: seconds since the beginning.
        items: what is there.
        serials: the last resourceVersion and incarnation under each name: both only ever grow.
        refused: kinds whose creation a quota refuses.
        marks: what has been so once; a scenario's own, see `Scenario.marks`.
        writes: every change since this was last emptied.
    """

    now: int = 0
    items: dict[Id, Item] = field(default_factory=dict)
    serials: dict[Id, tuple[int, int]] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    writes: list[Write] = field(default_factory=list)

    def fork(self) -> "ApiServer":
        """A copy that can go another way; changes not yet told about stay here."""
        return ApiServer(self.now, dict(self.items), dict(self.serials), self.refused, self.marks)

    # -- reading ---------------------------------------------------------------------------

    def get(self, resource: Resource, name: str) -> Manifest | None:
        """A copy of an object, or None."""
        item = self.items.get(Id(resource, name))
        return item.data if item is not None else None

    def all(self, resource: Resource) -> list[Item]:
        """The objects of a resource, by name."""
        return [self.items[id] for id in sorted(self.items, key=lambda id: id.name) if id.resource == resource]

    def orphans(self) -> list[Item]:
        """Objects whose controlling owner is no more."""
        uids = {item.uid for item in self.items.values()}
        return [item for item in self.items.values() if item.owner and item.owner not in uids]

    # -- writing ---------------------------------------------------------------------------

    def create(self, resource: Resource, manifest: Mapping[str, Any]) -> Item:
        """POST: identity and creation time are given here."""
        data = _wire(manifest)
        id = Id(resource, data["metadata"]["name"])
        if resource.kind in self.refused:
            raise Forbidden(403, "Forbidden", f"exceeded quota: no more {resource.plural}")
        if id in self.items:
            raise AlreadyExists(409, "AlreadyExists", f"{id} already exists")
        version, incarnation = self.serials.get(id, (0, 0))
        data["metadata"] |= {
            "namespace": NAMESPACE,
            "uid": f"uid-{incarnation + 1}-of-{resource.kind.lower()}-{id.name}",
            "resourceVersion": str(version + 1),
            "generation": 1,
            "creationTimestamp": timestamp(later(self.now)),
        }
        self.serials[id] = (version + 1, incarnation + 1)
        return self._store("create", None, data, id)

    def update(self, resource: Resource, name: str, change: Mapping[str, Any], *, verb: str = "update") -> Item:
        """A merge patch of any part; the generation moves with the spec, the version with any change."""
        id = Id(resource, name)
        before = self.items.get(id)
        if before is None:
            raise NotFound(404, "NotFound", f"{id} not found")
        data = patched(before.data, _wire(change))
        return self._put(verb, before, data)

    def apply(self, resource: Resource, manifest: Mapping[str, Any]) -> Item:
        """Server-side apply by the one manager there is: spec, labels and annotations become those given."""
        wanted = _wire(manifest)
        before = self.items.get(Id(resource, wanted["metadata"]["name"]))
        if before is None:
            return self.create(resource, manifest)
        data = before.data
        _guard(before, wanted["metadata"])
        for name in ("labels", "annotations", "ownerReferences"):
            data["metadata"].pop(name, None)
            if name in wanted["metadata"]:
                data["metadata"][name] = wanted["metadata"][name]
        data["spec"] = wanted.get("spec") or {}
        return self._put("apply", before, data)

    def delete(self, resource: Resource, name: str, *, held: bool = False) -> None:
        """DELETE: at once, or, where its dependents hold it, when `release` is called."""
        before = self.items[Id(resource, name)]
        if held:
            going = {"deletionTimestamp": timestamp(later(self.now)), "finalizers": [HOLDING]}
            self.update(resource, name, {"metadata": going}, verb="delete")
        elif not before.going:
            del self.items[before.id]
            self.writes.append(Write("delete", before, None))

    def release(self, item: Item) -> None:
        """An object that is going is gone."""
        del self.items[item.id]
        self.writes.append(Write("delete", item, None))

    def report(self, item: Item, status: Mapping[str, Any]) -> Item:
        """Another controller writes the whole status of an object."""
        return self._put("status", item, {**item.data, "status": _wire(status)})

    def touch(self, id: Id) -> None:
        """A change of no meaning: only the version moves."""
        touched = (self.items[id].data["metadata"].get("annotations") or {}).get("touched", "no")
        annotations = {"touched": "no" if touched == "yes" else "yes"}
        self.update(id.resource, id.name, {"metadata": {"annotations": annotations}})

    def refuse(self, kind: str) -> None:
        """A quota lets no more objects of a kind be made."""
        self.refused |= {kind}

    def admit(self) -> None:
        """The quotas are lifted."""
        self.refused = frozenset()

    def _put(self, verb: str, before: Item, data: Manifest) -> Item:
        former = before.data
        if data == former:
            return before
        if data.get("spec") != former.get("spec"):
            data["metadata"]["generation"] += 1
        version, incarnation = self.serials[before.id]
        data["metadata"]["resourceVersion"] = str(version + 1)
        self.serials[before.id] = (version + 1, incarnation)
        return self._store(verb, before, data, before.id)

    def _store(self, verb: str, before: Item | None, data: Manifest, id: Id) -> Item:
        item = self.items[id] = Item(id.resource, data)
        self.writes.append(Write(verb, before, item))
        return item


class Requests:
    """What the executor takes for the client: every request is answered by the model at once.

    Args:
        server: who answers.
        lost: whether the answer to the first write is lost after it was carried out.
    """

    def __init__(self, server: ApiServer, *, lost: bool = False) -> None:
        self._server = server
        self._lost = lost

    async def get(self, resource: Resource, *, name: str, namespace: str | None = None) -> Manifest:
        found = self._server.get(resource, name)
        if found is None:
            raise NotFound(404, "NotFound", f"{resource} {name} not found")
        return found

    async def create(self, resource: Resource, manifest: Manifest, *, strict: bool = False) -> Manifest:
        return self._answer(self._server.create(resource, manifest).data)

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        return self._answer(self._server.apply(resource, manifest).data)

    async def merge_patch(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        subresource: str | None = None,
    ) -> Manifest:
        found = self._server.items.get(Id(resource, name))
        if found is None:
            raise NotFound(404, "NotFound", f"{resource} {name} not found")
        _guard(found, body.get("metadata") or {})
        part = {"status": body["status"]} if subresource == "status" else dict(body)
        metadata = part.pop("metadata", None) or {}
        part["metadata"] = {name: metadata[name] for name in ("labels", "annotations") if name in metadata}
        return self._answer(self._server.update(resource, name, part, verb=subresource or "patch").data)

    async def delete(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> Manifest:
        found = self._server.items.get(Id(resource, name))
        if found is None:
            raise NotFound(404, "NotFound", f"{resource} {name} not found")
        _guard(found, {"uid": uid, "resourceVersion": resource_version})
        self._server.delete(resource, name)
        left = self._server.get(resource, name)
        return self._answer(left if left is not None else {"kind": "Status", "status": "Success"})

    def _answer(self, answer: Manifest) -> Manifest:
        if self._lost:
            self._lost = False
            raise Unreachable("the answer was lost")
        return answer


def _guard(found: Item, wanted: Mapping[str, Any]) -> None:
    """Refuse a write whose preconditions do not hold."""
    uid, version = wanted.get("uid"), wanted.get("resourceVersion")
    if uid not in (None, found.uid) or version not in (None, str(found.version)):
        raise Conflict(409, "Conflict", f"{found} is not {uid}, version {version}")


def _wire(manifest: Mapping[str, Any]) -> Manifest:
    """What a manifest is after it went over the wire."""
    sent: Manifest = json.loads(json.dumps(manifest))
    return sent


def patched(into: Mapping[str, Any], patch: Mapping[str, Any]) -> Manifest:
    """What a JSON merge patch (RFC 7386) makes of an object."""
    result = {name: value for name, value in into.items() if patch.get(name, "") is not None}
    for name, value in patch.items():
        if isinstance(value, Mapping):
            former = result.get(name)
            result[name] = patched(former if isinstance(former, Mapping) else {}, value)
        elif value is not None:
            result[name] = value
    return result
