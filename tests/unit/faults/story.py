# SPDX-License-Identifier: Apache-2.0
"""Histories made by hand: objects that come, change and go, and the operator's writes."""

import copy
from collections.abc import Mapping
from typing import Any

from mlops_operator.api.meta import LABEL_UID, Manifest
from mlops_operator.kube.resources import Resource
from tests.faults.history import Change, History, Write
from tests.unit.controllers.builders import NAMESPACE, make


class Story:
    """A history in the making: each call is the next version and the next moment."""

    def __init__(self) -> None:
        self.history = History(changes=(), writes=[])
        self._version = 100
        self._known: set[str] = set()

    def put(self, resource: Resource, obj: Manifest) -> Manifest:
        """The object is there now, or has changed; returns it as the API server stored it."""
        uid = obj["metadata"]["uid"]
        kind = "MODIFIED" if uid in self._known else "ADDED"
        self._known.add(uid)
        return self._change(kind, resource, obj)

    def remove(self, resource: Resource, obj: Manifest) -> None:
        """The object is gone."""
        self._change("DELETED", resource, obj)

    def write(
        self,
        verb: str,
        resource: Resource,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        namespace: str = NAMESPACE,
        code: int | None = 200,
    ) -> None:
        """The operator writes."""
        self._version += 1
        write = Write(
            key=f"{verb} {resource.plural} {name}",
            nth=1,
            verb=verb,
            resource=resource.plural,
            subresource=subresource,
            name=name,
            body=dict(body),
            at=float(self._version),
            code=code,
            namespace=namespace,
        )
        self.history.writes.append(write)

    def delete(self, resource: Resource, obj: Manifest, **changes: Any) -> None:
        """The operator deletes an object as it was observed."""
        guard = {"uid": obj["metadata"]["uid"], "resourceVersion": obj["metadata"]["resourceVersion"]}
        self.write("delete", resource, obj["metadata"]["name"], {"preconditions": {**guard, **changes}})

    def _change(self, kind: str, resource: Resource, obj: Manifest) -> Manifest:
        self._version += 1
        stored = copy.deepcopy(obj)
        stored["metadata"]["resourceVersion"] = str(self._version)
        change = Change(self._version, kind, resource, stored, float(self._version))
        self.history.changes = (*self.history.changes, change)
        return stored


def changed(obj: Manifest, **parts: Any) -> Manifest:
    """A copy of the object with the given top-level parts merged one level deep: `status={...}`, `spec={...}`."""
    result = copy.deepcopy(obj)
    for name, values in parts.items():
        result[name] = {**result.get(name, {}), **values}
    return result


def child(
    resource: Resource,
    name: str,
    parent: Manifest,
    *,
    uid: str | None = None,
    labels: Mapping[str, str] | None = None,
    spec: Manifest | None = None,
    status: Manifest | None = None,
) -> Manifest:
    """An object that `parent` controls, with the labels of a child of the operator's."""
    marks = {
        "app.kubernetes.io/managed-by": "mlops-operator",
        LABEL_UID: parent["metadata"]["uid"],
        **(labels or {}),
    }
    return make(resource, name, spec=spec or {}, status=status, uid=uid, labels=marks, owner=parent)


def conditions(**reasons: tuple[str, str]) -> list[Manifest]:
    """Conditions by type: status and reason."""
    return [{"type": kind, "status": status, "reason": reason} for kind, (status, reason) in reasons.items()]
