# SPDX-License-Identifier: Apache-2.0
"""A run as steps: each object before and after each of its changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mlops_operator.api.meta import API_VERSION, LABEL_UID, Manifest
from mlops_operator.kube.resources import OWN, Resource
from tests.faults.history import Change, History, Write

OWN_KINDS: Final = {resource.kind: resource for resource in OWN}
OWN_PLURALS: Final = {resource.plural: resource for resource in OWN}


@dataclass(frozen=True)
class Step:
    """One change.

    Attributes:
        before: the object as it was; None where it was not there.
        after: as it is; None where it is gone.
    """

    change: Change
    before: Manifest | None
    after: Manifest | None

    @property
    def object(self) -> Manifest:
        """The object after the change, or as it was last."""
        return self.change.object

    @property
    def uid(self) -> str:
        """Of the object."""
        uid: str = self.change.object["metadata"]["uid"]
        return uid

    def __str__(self) -> str:
        return where(self.change)


def steps(history: History, *resources: Resource) -> Iterator[Step]:
    """The changes of these resources, or of all, each object told apart by its UID."""
    known: dict[str, Manifest] = {}
    for change in history.changes:
        uid = change.object["metadata"]["uid"]
        if not resources or change.resource in resources:
            after = None if change.type == "DELETED" else change.object
            yield Step(change, known.get(uid), after)
            known[uid] = change.object


def where(change: Change) -> str:
    """The beginning of every sentence about a change."""
    return f"at version {change.version}: {change.resource.plural} {change.object['metadata']['name']}"


def when(write: Write) -> str:
    """The beginning of every sentence about a write."""
    return f"write `{write.key}` (number {write.nth} of its kind) of {write.resource} {write.name}"


def status_of(obj: Manifest) -> Manifest:
    """The status; empty where there is none."""
    status: Manifest = obj.get("status") or {}
    return status


def condition(obj: Manifest, kind: str) -> Manifest:
    """A condition; empty where there is none of this type."""
    conditions = status_of(obj).get("conditions") or ()
    return next((dict(entry) for entry in conditions if entry["type"] == kind), {})


def controller(obj: Manifest) -> Manifest | None:
    """The owner reference of the controlling owner."""
    references = (obj.get("metadata") or {}).get("ownerReferences") or ()
    return next((dict(entry) for entry in references if entry.get("controller")), None)


def parent_resource(obj: Manifest) -> Resource | None:
    """The kind of ours whose object controls `obj`; None where it is nobody's or somebody else's."""
    owner = controller(obj)
    if owner is None or owner.get("apiVersion") != API_VERSION:
        return None
    return OWN_KINDS.get(owner.get("kind", ""))


def parent_uid(obj: Manifest) -> str:
    """The UID of the object of ours that `obj` belongs to, by its controlling owner, else by its label."""
    owner = controller(obj)
    if owner is not None and parent_resource(obj) is not None:
        uid: str = owner["uid"]
        return uid
    return str(label(obj, LABEL_UID) or "")


def label(obj: Manifest, name: str) -> str | None:
    """A label; None where there is none."""
    value: str | None = (obj["metadata"].get("labels") or {}).get(name)
    return value


def is_ending(obj: Manifest) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in obj["metadata"]


def by(entries: Any, key: str) -> dict[str, Manifest]:
    """The entries of a list in a status by one of their fields."""
    return {str(entry.get(key)): entry for entry in entries or ()}
