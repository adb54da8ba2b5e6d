"""Sees every change of the cluster, beside the operator and not through its proxy."""

import asyncio
import time
from collections import defaultdict
from contextlib import aclosing
from typing import Self

from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import ApiError, Expired
from mlops_operator.kube.resources import Resource
from mlops_operator.kube.watch import BOOKMARK, watch
from tests.faults.history import RECORDED, Change


class Recorder:
    """Watches all resources of all namespaces while it is entered.

    Args:
        client: its own client, straight to the API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []
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
        version = (await self._client.list(resource)).resource_version
        self._watching.release()
        while True:
            stream = watch(self._client, resource, resource_version=version)
            try:
                async with aclosing(stream):
                    async for event in stream:
                        metadata = event.object["metadata"]
                        version = metadata["resourceVersion"]
                        if event.type != BOOKMARK:
                            change = Change(int(version), event.type, resource, event.object, time.monotonic())
                            self._changes[metadata["namespace"]].append(change)
            except Expired:
                raise
            except ApiError:
                await asyncio.sleep(0.2)  # the API server is away; the watch goes on where it was
