# SPDX-License-Identifier: Apache-2.0
"""Sees every change of the cluster, beside the operator and not through its proxy."""

import asyncio
import time
from collections import defaultdict
from contextlib import aclosing
from typing import Self

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import ApiError, Expired
from mlops_operator.kube.resources import Resource
from mlops_operator.kube.watch import BOOKMARK, DELETED, watch
from tests.faults.history import RECORDED, Change, Gap


class Recorder:
    """Watches all resources of all namespaces while it is entered.

    Args:
        client: its own client, straight to the API server.
        gaps: whether it may go on after the API server has forgotten the past, as one does that was killed:
            of what changed meanwhile the history has the states before and after. Otherwise that is a failure.
    """

    def __init__(self, client: Client, *, gaps: bool = False) -> None:
        self._client = client
        self._gaps = gaps
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []
        self.gaps: list[Gap] = []
        """What it has missed so far, where that is allowed."""
        self._watching = asyncio.Semaphore(0)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._follow(resource), name=f"record {resource}") for resource in RECORDED]
        for _ in RECORDED:
            await self._watching.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.check()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self) -> None:
        """Fail if the recorder failed: a history with gaps proves nothing."""
        for task in self._tasks:
            if task.done():
                task.result()
                raise RuntimeError(f"{task.get_name()!r} ended")

    def changes(self, namespace: str) -> list[Change]:
        """The changes of a namespace so far, in the order of their versions."""
        return sorted(self._changes[namespace], key=lambda change: change.version)

    def forget(self, namespace: str) -> None:
        """Free the memory of a namespace."""
        self._changes.pop(namespace, None)

    async def _follow(self, resource: Resource) -> None:
        known: dict[str, Manifest] = {}
        version = (await self._client.list(resource)).resource_version
        self._watching.release()
        while True:
            stream = watch(self._client, resource, resource_version=version)
            try:
                async with aclosing(stream):
                    async for event in stream:
                        version = event.object["metadata"]["resourceVersion"]
                        if event.type != BOOKMARK:
                            self._note(resource, known, event.type, event.object)
            except Expired:
                if not self._gaps:
                    raise
                version = await self._catch_up(resource, known, version)
            except ApiError:
                await asyncio.sleep(0.2)  # the API server is away; the watch goes on where it was

    async def _catch_up(self, resource: Resource, known: dict[str, Manifest], version: str) -> str:
        """Note what is different from what was known, by a LIST; returns its version."""
        try:
            listing = await self._client.list(resource)
        except ApiError:
            return version  # still away: the next watch says again that this is too old
        self.gaps.append(Gap(resource, int(version), int(listing.resource_version)))
        found = {obj["metadata"]["uid"]: obj for obj in listing.items}
        for uid in known.keys() - found.keys():
            self._note(resource, known, DELETED, known[uid])
        for uid, obj in found.items():
            former = known.get(uid)
            if former is None or former["metadata"]["resourceVersion"] != obj["metadata"]["resourceVersion"]:
                self._note(resource, known, "MODIFIED" if former else "ADDED", obj)
        return listing.resource_version

    def _note(self, resource: Resource, known: dict[str, Manifest], type: str, obj: Manifest) -> None:
        metadata = obj["metadata"]
        if type == DELETED:
            known.pop(metadata["uid"], None)
        else:
            known[metadata["uid"]] = obj
        change = Change(int(metadata["resourceVersion"]), type, resource, obj, time.monotonic())
        self._changes[metadata["namespace"]].append(change)
