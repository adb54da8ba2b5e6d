# SPDX-License-Identifier: Apache-2.0
"""What a controller's pure `plan()` returns: actions, a status, events and when to requeue.

A plan only describes. One executor (`runtime/work/executor.py`) carries every plan out, so
that preconditions, retries and request counts are the same for all kinds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from mlops_operator.api.meta import Key, Manifest, controller_uid
from mlops_operator.kube.resources import Resource


@dataclass(frozen=True, kw_only=True)
class Create:
    """POST a child that must not exist yet; its name is deterministic.

    `AlreadyExists` is success when the object that is there is the child that the manifest describes (see
    `runtime/work/identity.py`); it is then read and cached. Any other object of that name is a rejection, `NameTaken`.
    """

    resource: Resource
    manifest: Manifest


@dataclass(frozen=True, kw_only=True)
class Apply:
    """Server-side apply a child with our field manager, forcing conflicts.

    A plan contains it only where the observed child differs (`runtime/work/drift.py`), so an
    unchanged world costs no request. A `resourceVersion` in the manifest's metadata makes
    it conditional.

    Attributes:
        expect_exists: the status records the child, but the cache does not have it. The watch may be behind, so the
            child is read before it is applied: applying an existing child would revert what other controllers have
            set in it, such as an autoscaler's replica count.
    """

    resource: Resource
    manifest: Manifest
    expect_exists: bool = False


@dataclass(frozen=True, kw_only=True)
class Patch:
    """Merge-patch an object, on the condition that it is still the object that was planned for.

    Attributes:
        subresource: `status`, or None for the object itself.
    """

    resource: Resource
    namespace: str
    name: str
    uid: str
    resource_version: str
    body: Mapping[str, Any]
    subresource: str | None = None

    @classmethod
    def of(
        cls, resource: Resource, found: Manifest, body: Mapping[str, Any], *, subresource: str | None = None
    ) -> Self:
        """The patch of an object as it was observed."""
        return cls(resource=resource, body=body, subresource=subresource, **_preconditions(found))


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Delete an object, on the condition that UID and resourceVersion are those planned for.

    An object that is deleted already, or has another UID, is success. Dependents go with it in the
    background.
    """

    resource: Resource
    namespace: str
    name: str
    uid: str
    resource_version: str

    @classmethod
    def of(cls, resource: Resource, found: Manifest) -> Self:
        """The deletion of an object as it was observed."""
        return cls(resource=resource, **_preconditions(found))


def _preconditions(found: Manifest) -> dict[str, str]:
    """What identifies an object and the state it was planned for."""
    metadata = found["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resource_version": metadata["resourceVersion"],
    }


Action = Create | Apply | Patch | Delete


class EventType(StrEnum):
    """Severity of an event, as events.k8s.io names it."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A transition that is published as a Kubernetes event, after the status has been written."""

    type: EventType
    reason: str
    message: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole answer to one observation.

    Attributes:
        actions: carried out in order; the first rejection ends the plan.
        depends_on: other objects that the actions depend on, in the version that the plan was computed from. Each is
            read again before the first action, unless the last answer about it was of this version: one watch may be
            further behind than another.
        confirm_absent: objects that must be confirmed missing before the first action, because the plan concludes
            something permanent from their absence and the cache may be behind.
        status: the complete status wanted, or None to leave it; written with one PATCH after
            the actions, and only where it differs from the observed one.
        final: no follow-up plan is needed after this one, so the answers to its own writes enqueue nothing.
        requeue_after: seconds until the object is planned again without an event, or None.
        events: published after the status.
        decisions: transitions that are logged as events are, and not published.
    """

    actions: tuple[Action, ...] = ()
    depends_on: tuple[tuple[Resource, Manifest], ...] = ()
    confirm_absent: tuple[tuple[Resource, Key], ...] = ()
    status: Manifest | None = None
    requeue_after: float | None = None
    events: tuple[Event, ...] = field(default=())
    decisions: tuple[Event, ...] = field(default=())
    final: bool = False


def _nothing(_pods: Sequence[Manifest]) -> Sequence["Read"]:
    return ()


@dataclass(frozen=True, kw_only=True)
class PodsOfJob:
    """A read a plan needs before it can decide: the pods of one Job, straight from the API server.

    Pods of Jobs are not watched: one LIST at a Job's end (or while it does not start) is far
    cheaper than every pod event of every run.

    Attributes:
        namespace: of the Job and its pods.
        job: the Job's name.
        uid: of the Job; pods of an earlier Job of the same name are not counted.
        then: the reads that follow from the pods that were found; usually none.
        alongside: names of Jobs of the namespace whose pods are asked for soon, and for the same reason. They are read
            with the same request, and the answer may be a little old. None where only the present will do.
    """

    namespace: str
    job: str
    uid: str
    then: Callable[[Sequence[Manifest]], Sequence["Read"]] = field(default=_nothing, compare=False)
    alongside: Callable[[], Iterable[str]] | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        job: Manifest,
        *,
        then: Callable[[Sequence[Manifest]], Sequence["Read"]] = _nothing,
        alongside: Callable[[], Iterable[str]] | None = None,
    ) -> Self:
        """The read of a Job's pods."""
        metadata = job["metadata"]
        return cls(
            namespace=metadata["namespace"],
            job=metadata["name"],
            uid=metadata["uid"],
            then=then,
            alongside=alongside,
        )

    def asks_for(self, pod: Manifest) -> bool:
        """Whether the Job controls the pod."""
        return controller_uid(pod) == self.uid


@dataclass(frozen=True, kw_only=True)
class EventsAbout:
    """A read: the events of one reason about the objects of one kind in a namespace.

    Attributes:
        namespace: of the objects and their events.
        kind: of the objects, e.g. `Job`.
        reason: of the events, e.g. `FailedCreate`.
    """

    namespace: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Nodes:
    """A read: the cluster's nodes; none where the operator serves single namespaces and has no right to read them."""


@dataclass(frozen=True, kw_only=True)
class ObjectsIn:
    """A read: all objects of one resource in a namespace, straight from the API server.

    For a decision that cannot be taken back and that an object which a watch has not shown yet would forbid.
    """

    resource: Resource
    namespace: str


Read = PodsOfJob | EventsAbout | Nodes | ObjectsIn


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """The API server refused an action, and would refuse it again.

    Attributes:
        action: what was refused.
        code: HTTP status, e.g. 422 (invalid) or 403 (forbidden, quota, admission).
        reason: the API's machine-readable reason, e.g. `Invalid`, `Forbidden`.
        message: the API's own words.
    """

    action: Action
    code: int
    reason: str
    message: str
