# SPDX-License-Identifier: Apache-2.0
"""Several controllers over the real cache: what a change enqueues, and what each plan costs, is counted."""

import copy
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache import store
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.store import Change
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.plan import Create
from tests.unit.controllers.builders import NOW


class Engine:
    """Plans for every enqueued object until none is left; statuses and created children go back into the cache.

    Attributes:
        plans: plans made, by kind.
        most_enqueued: the most keys of other objects that one change enqueued.
        most_decoded: the most cached objects that one plan decoded, by kind.
    """

    def __init__(self, controllers: Sequence[Controller], patch: pytest.MonkeyPatch, *, now: datetime = NOW) -> None:
        self._controllers = {controller.resource: controller for controller in controllers}
        self._resources = {resource.kind: resource for resource in self._watched()}
        self._now = now
        self._version = 100
        self._queue: dict[tuple[Resource, Key], None] = {}
        self._decoded = 0
        self.cache = Cache(controllers)
        self.plans: Counter[str] = Counter()
        self.most_enqueued = 0
        self.most_decoded: Counter[str] = Counter()
        decode = store._decode

        def counted(entry: store._Entry) -> Manifest:
            self._decoded += 1
            return decode(entry)

        patch.setattr(store, "_decode", counted)
        for resource in self._resources.values():
            self.cache.subscribe(resource, partial(self._changed, resource))

    def put(self, obj: Manifest) -> None:
        """Store an object as the API server does."""
        self._version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}
        self.cache.observe(self._resources[obj["kind"]], stored)

    def delete(self, obj: Manifest) -> None:
        """Delete an object."""
        resource, metadata = self._resources[obj["kind"]], obj["metadata"]
        self.cache.observe_gone(resource, Key(metadata["namespace"], metadata["name"]), metadata["uid"])

    def run(self) -> None:
        """Plan until nothing is enqueued."""
        while self._queue:
            resource, key = next(iter(self._queue))
            del self._queue[resource, key]
            obj = self.cache.get(resource, key)
            if obj is not None:
                self._reconcile(self._controllers[resource], obj)

    def _reconcile(self, controller: Controller, obj: Manifest) -> None:
        kind = controller.resource.kind
        self.plans[kind] += 1
        self._decoded = 0
        plan = controller.plan(obj, self.cache, {}, self._now)
        self.most_decoded[kind] = max(self.most_decoded[kind], self._decoded)
        for action in plan.actions:
            if isinstance(action, Create) and action.resource in self._resources.values():
                name = action.manifest["metadata"]["name"]
                child = copy.deepcopy(action.manifest)
                child["metadata"] |= {"uid": f"uid-of-{name}", "creationTimestamp": "2026-01-02T00:00:00Z"}
                self.put(child)
        if plan.status is not None and plan.status != obj.get("status"):
            self.put({**obj, "status": plan.status})

    def _changed(self, changed: Resource, change: Change) -> None:
        enqueued = set()
        for controller in self._controllers.values():
            for watch in controller.watches:
                if watch.resource == changed:
                    keys = watch.concerned(change.old, change.new, self.cache)
                    enqueued |= {(controller.resource, key) for key in keys}
        self.most_enqueued = max(self.most_enqueued, len(enqueued))
        own = {(changed, change.key)} if changed in self._controllers else set()
        self._queue |= dict.fromkeys((*own, *enqueued))

    def _watched(self) -> set[Resource]:
        watched = {watch.resource for controller in self._controllers.values() for watch in controller.watches}
        return watched | set(self._controllers)
