# SPDX-License-Identifier: Apache-2.0
"""What the harness's own watches saw, and when: one process, one monotonic clock."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from enum import StrEnum, auto
from typing import Self

from bench.systems import NAMESPACE, System, phase
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, Resource
from mlops_operator.kube.watch import BOOKMARK, DELETED, watch


class Mark(StrEnum):
    """A moment in an object's life, as it was first seen."""

    CREATED = auto()
    CHILD = auto()
    CHILD_DONE = auto()
    RUNNING = auto()
    DONE = auto()
    GONE = auto()


class Recorder:
    """Watches the objects and their Jobs while it is entered.

    Args:
        client: with its own name in the audit log.
        system: whose objects.
        on_done: called with the name of each object that has succeeded.
    """

    def __init__(self, client: Client, system: System) -> None:
        self._client = client
        self._system = system
        self._times: defaultdict[str, dict[Mark, float]] = defaultdict(dict)
        self._failed: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.children: defaultdict[str, set[str]] = defaultdict(set)
        """UIDs of all Jobs that an object ever had."""
        self.on_done: Callable[[str], None] = lambda _name: None

    async def __aenter__(self) -> Self:
        for resource, see in ((self._system.resource, self._object), (JOBS, self._child)):
            self._tasks.append(asyncio.create_task(self._follow(resource, see), name=f"record {resource}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def at(self, name: str, mark: Mark) -> float:
        """When the mark was seen; KeyError where it was not."""
        return self._times[name][mark]

    def first(self, names: Iterable[str], mark: Mark) -> float:
        """When the first of these got the mark."""
        return min(self._times[name][mark] for name in names)

    def last(self, names: Iterable[str], mark: Mark) -> float:
        """When the last of these got the mark."""
        return max(self._times[name][mark] for name in names)

    def count(self, names: Iterable[str], mark: Mark) -> int:
        """How many have the mark."""
        return sum(mark in self._times[name] for name in names)

    def spans_ms(self, names: Iterable[str], begin: Mark, end: Mark) -> list[float]:
        """Milliseconds between two marks, of all that have both."""
        times = (self._times[name] for name in names)
        return [(found[end] - found[begin]) * 1000 for found in times if begin in found and end in found]

    async def until(
        self,
        names: Sequence[str],
        mark: Mark,
        *,
        within: float,
        share: float = 1.0,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Wait until a share of the names have the mark.

        Raises:
            TimeoutError: they have not in time.
            RuntimeError: an object failed, or a watch could not go on.
        """
        deadline = time.monotonic() + within
        pending, enough = list(names), len(names) - round(len(names) * share)
        while len(pending := [name for name in pending if mark not in self._times[name]]) > enough:
            if self._failed:
                raise RuntimeError(f"expected every object to succeed; failed: {self._failed[:5]}")
            for task in self._tasks:
                if task.done():
                    task.result()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(pending)} of {len(names)} not {mark} within {within:.0f} s: {pending[:5]}")
            tell(f"{len(names) - len(pending)} of {len(names)} {mark}")
            await asyncio.sleep(0.05)

    async def _follow(self, resource: Resource, see: Callable[[str, Manifest], None]) -> None:
        version = "0"
        while True:
            stream = watch(self._client, resource, namespace=NAMESPACE, resource_version=version)
            async with aclosing(stream):
                async for event in stream:
                    version = event.object["metadata"]["resourceVersion"]
                    if event.type != BOOKMARK:
                        see(event.type, event.object)

    def _object(self, kind: str, obj: Manifest) -> None:
        name = obj["metadata"]["name"]
        if kind == DELETED:
            self._mark(name, Mark.GONE)
            return
        self._mark(name, Mark.CREATED)
        now = phase(obj)
        if now == "Failed":
            self._failed.append(name)
        elif now == "Running":
            self._mark(name, Mark.RUNNING)
        elif now == "Succeeded" and self._mark(name, Mark.DONE):
            self.on_done(name)

    def _child(self, kind: str, job: Manifest) -> None:
        owner = next(iter(job["metadata"].get("ownerReferences") or ()), None)
        if kind == DELETED or owner is None:
            return
        name = owner["name"]
        self.children[name].add(job["metadata"]["uid"])
        self._mark(name, Mark.CHILD)
        conditions = (job.get("status") or {}).get("conditions") or ()
        if any(entry["type"] == "Complete" and entry["status"] == "True" for entry in conditions):
            self._mark(name, Mark.CHILD_DONE)

    def _mark(self, name: str, mark: Mark) -> bool:
        """Note the mark; whether it is new."""
        if mark in self._times[name]:
            return False
        self._times[name][mark] = time.monotonic()
        return True
