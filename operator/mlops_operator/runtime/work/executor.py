# SPDX-License-Identifier: Apache-2.0
"""Carries plans out: the only place that writes, with the same care for every kind.

Actions go first, in order, then the status, then the events. So a status never reports an action that was not carried
out, and an event never a fact that no status holds. Every write is either repeatable or guarded by the UID and
resourceVersion that the plan was computed from. A write with an unknown outcome is left to the next plan.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from mlops_operator.api.meta import FIELD_MANAGER, GROUP, Key, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    NotFound,
    StatusError,
)
from mlops_operator.kube.events import event_manifest, publish
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime import metrics
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work import decisions
from mlops_operator.runtime.work.answered import AnsweredVersions
from mlops_operator.runtime.work.answers import NAME_TAKEN, Rejected, taken, target, verdict
from mlops_operator.runtime.work.identity import is_rendered, stamped
from mlops_operator.runtime.work.merge import merge_patch
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch, Plan, Rejection
from mlops_operator.runtime.work.preconditions import checks

_Author = tuple[Resource, Key] | None

OnStatus = Callable[[Resource, Manifest, Manifest], None]


def _nobody(_resource: Resource, _before: Manifest, _after: Manifest) -> None:
    pass


logger = logging.getLogger(__name__)


class Outdated(Exception):
    """The cached state that the plan was computed from is stale. The cache is up to date now: plan again."""


class NotLeading(Exception):
    """Another process is the leader now; this one must not write."""


class Executor:
    """Carries plans out.

    Args:
        client: the API client.
        cache: receives the answer to every write immediately.
        instance: the name of this process in events.
        may_write: asked before every write; False once leadership has lapsed.
        on_status: called with the former and the new status after each status write; must not raise.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        *,
        instance: str,
        may_write: Callable[[], bool] = lambda: True,
        on_status: OnStatus = _nobody,
    ) -> None:
        self._client = client
        self._cache = cache
        self._instance = instance
        self._may_write = may_write
        self._on_status = on_status
        self._answered = AnsweredVersions(cache)

    def has_work(self, obj: Manifest, plan: Plan) -> bool:
        """Whether carrying out the plan takes any request at all."""
        if plan.actions or plan.events:
            return True
        return plan.status is not None and bool(merge_patch(obj.get("status") or {}, plan.status))

    async def execute(self, resource: Resource, obj: Manifest, plan: Plan, *, now: datetime) -> None:
        """Carry out a plan that was made for this very version of `obj`.

        Raises:
            Rejected: an action was rejected permanently; the status was not written.
            Outdated: a precondition does not hold; plan again.
            NamespaceEnding: the namespace is terminating.
            NotLeading: this process is no longer the leader.
            ApiError: any other failure, to be retried later.
        """
        by = _author(resource, obj, plan)
        for check in checks(resource, obj, plan, self._cache, self._answered.confirms):
            found = await self.reread(check.resource, check.key)
            if violation := check.violation(found, self._cache):
                raise Outdated(violation)
        for action in plan.actions:
            if (verb := await self._act(action, by)) is not None:
                decisions.acted(resource, obj, action, verb)
        await self.report(resource, obj, plan, now=now)

    async def report(self, resource: Resource, obj: Manifest, plan: Plan, *, now: datetime) -> None:
        """Write the plan's status, where it differs, and then its events; its actions are ignored."""
        if plan.status is not None:
            await self._write_status(resource, obj, plan.status, _author(resource, obj, plan))
        decisions.concluded(resource, obj, plan)
        for event in plan.events:
            self._fence()
            manifest = event_manifest(
                obj,
                type=event.type.value,
                reason=event.reason,
                action=event.action,
                note=event.message,
                instance=self._instance,
                now=now,
            )
            try:
                await publish(self._client, manifest)
            except ApiError as error:
                if isinstance(error, Forbidden) and error.namespace_terminating:
                    return  # the events are deleted with the namespace as well
                # Events are best effort everywhere in Kubernetes: the status has the facts.
                metrics.EVENTS_LOST.inc()
                logger.warning("event not written", extra={"reason": event.reason, "error": str(error)})

    # -- actions ---------------------------------------------------------------------------

    async def _act(self, action: Action, by: _Author) -> str | None:
        """Carry out one action; returns what it did, or None where nothing was left to do."""
        self._fence()
        try:
            match action:
                case Create():
                    return await self._create(action, by)
                case Apply():
                    return await self._apply(action)
                case Patch():
                    return await self._patch(action)
                case Delete():
                    return await self._delete(action)
        except (Conflict, AlreadyExists) as error:
            namespace, name = target(action)
            await self.reread(action.resource, Key(namespace, name))
            raise Outdated(str(error)) from error
        except StatusError as error:
            raise verdict(action, error) from error

    async def _apply(self, action: Apply) -> str | None:
        self._check_selected(action)
        store = self._cache.stores.get(action.resource)
        former = store.version(Key(*target(action))) if store is not None else None
        applied = await self._client.apply(action.resource, stamped(action.manifest))
        self._cache.observe(action.resource, applied)
        if former is None:
            return decisions.CREATED
        return decisions.CHANGED if applied["metadata"]["resourceVersion"] != former else None

    async def _create(self, action: Create, by: _Author) -> str | None:
        self._check_selected(action)
        try:
            # Own kinds may be older than this program; what they lack is dropped, as it always is.
            strict = action.resource.group != GROUP
            created = await self._client.create(action.resource, stamped(action.manifest), strict=strict)
        except AlreadyExists as error:
            namespace, name = target(action)
            found = await self.reread(action.resource, Key(namespace, name))
            if found is None or "deletionTimestamp" in found["metadata"]:
                # The former holder of the name is terminating or deleted: the name is free soon.
                raise Outdated(str(error)) from error
            if not is_rendered(action.manifest, found):
                rejection = Rejection(action=action, code=409, reason=NAME_TAKEN, message=taken(action, found))
                raise Rejected(rejection) from error
            if not self._cache.selects(action.resource, found):
                await self._relabel(action, found)
            return None
        self._cache.observe(action.resource, created, by=by)
        return decisions.CREATED

    async def _relabel(self, action: Create, found: Manifest) -> None:
        """Restore the labels by which an owned child is watched: without them the cache does not receive it."""
        patched = await self._client.merge_patch(
            action.resource,
            namespace=found["metadata"].get("namespace"),
            name=found["metadata"]["name"],
            body={
                "metadata": {
                    "uid": found["metadata"]["uid"],
                    "resourceVersion": found["metadata"]["resourceVersion"],
                    "labels": action.manifest["metadata"]["labels"],
                }
            },
        )
        self._cache.observe(action.resource, patched)

    async def _patch(self, action: Patch) -> str:
        guard = {"uid": action.uid, "resourceVersion": action.resource_version}
        try:
            patched = await self._client.merge_patch(
                action.resource,
                namespace=action.namespace,
                name=action.name,
                subresource=action.subresource,
                body={**action.body, "metadata": {**(action.body.get("metadata") or {}), **guard}},
            )
        except NotFound as error:
            self._cache.observe_gone(action.resource, Key(action.namespace, action.name), action.uid)
            raise Outdated(str(error)) from error
        self._cache.observe(action.resource, patched)
        return decisions.CHANGED

    async def _delete(self, action: Delete) -> str | None:
        key = Key(action.namespace, action.name)
        try:
            answer = await self._client.delete(
                action.resource,
                namespace=action.namespace,
                name=action.name,
                uid=action.uid,
                resource_version=action.resource_version,
            )
        except NotFound:
            self._cache.observe_gone(action.resource, key, action.uid)
            return None
        except Conflict as error:
            found = await self.reread(action.resource, key)
            if found is None or found["metadata"]["uid"] != action.uid:
                self._cache.observe_gone(action.resource, key, action.uid)
                return None
            raise Outdated(str(error)) from error
        metadata = answer.get("metadata") or {}
        if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
            self._cache.observe(action.resource, answer)  # terminating, but held by a finalizer
        else:
            self._cache.observe_gone(action.resource, key, action.uid)
        return decisions.DELETED

    # -- status ----------------------------------------------------------------------------

    async def _write_status(self, resource: Resource, obj: Manifest, wanted: Manifest, by: _Author) -> None:
        difference = merge_patch(obj.get("status") or {}, wanted)
        if not difference:
            return
        self._fence()
        metadata = obj["metadata"]
        key = _key(obj)
        if self._cache.store(resource).version(key) != metadata["resourceVersion"]:
            raise Outdated("the object changed while its plan was carried out")
        try:
            patched = await self._client.merge_patch(
                resource,
                namespace=metadata.get("namespace"),
                name=metadata["name"],
                subresource="status",
                body={
                    "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
                    "status": difference,
                },
            )
        except NotFound:
            self._cache.observe_gone(resource, key, metadata["uid"])
            return
        except Conflict as error:
            await self.reread(resource, key)
            raise Outdated(str(error)) from error
        self._cache.observe(resource, patched, by=by)
        self._answered.record(resource, key, patched["metadata"]["resourceVersion"])
        self._on_status(resource, obj.get("status") or {}, wanted)
        if lost := merge_patch(patched.get("status") or {}, wanted):
            logger.error(
                "the API server did not keep the status as written: the schema and the controller disagree",
                extra={"resource": str(resource), "object": str(key), "fields": sorted(lost)},
            )

    async def reread(self, resource: Resource, key: Key) -> Manifest | None:
        """Read an object from the API server into the cache; None where there is none."""
        try:
            found = await self._client.get(resource, namespace=key.namespace, name=key.name)
        except NotFound:
            known = self._cache.get(resource, key) if resource in self._cache.stores else None
            if known is not None:
                self._cache.observe_gone(resource, key, known["metadata"]["uid"])
            return None
        self._cache.observe(resource, found)
        self._answered.record(resource, key, found["metadata"]["resourceVersion"])
        return found

    # -- guards ----------------------------------------------------------------------------

    def _fence(self) -> None:
        if not self._may_write():
            raise NotLeading(f"{FIELD_MANAGER}: lost leadership; refusing to write")

    def _check_selected(self, action: Create | Apply) -> None:
        """Refuse to create a child that its own watch does not show: it would be created again and again."""
        if not self._cache.selects(action.resource, action.manifest):
            raise ValueError(
                f"planned {action.resource} {target(action)} lacks the labels by which it is watched; "
                f"expected {self._cache.selectors[action.resource]!r}, "
                f"found {action.manifest['metadata'].get('labels')}"
            )


def _author(resource: Resource, obj: Manifest, plan: Plan) -> _Author:
    """The key that the plan's own writes must not enqueue again; None where they must."""
    return (resource, _key(obj)) if plan.final else None


def _key(obj: Manifest) -> Key:
    metadata = obj["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])
