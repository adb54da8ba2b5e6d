# SPDX-License-Identifier: Apache-2.0
"""After a restart, the past: LISTs of an old snapshot and watches that tell what came since late."""

import asyncio
import json
import time
from collections.abc import Sequence

from mlops_operator.api.meta import Manifest
from tests.faults.history import BY_PLURAL
from tests.faults.injections.base import Injection, Surroundings
from tests.faults.plan import Stale
from tests.faults.trace import target
from tests.harness.proxy import Call, Forward, Line, Reply

LATEST_SNAPSHOT = 5.0
"""Seconds for which the write of the crash waits for that of the snapshot, which is made beside it."""


class OldSnapshot(Injection):
    """Kills the operator after a write, and shows its successor the namespace as it was before an earlier one.

    For `seconds` LISTs without a resourceVersion of their own are answered from the recorder, and watch
    lines wait; then everything is live. Single GETs are consistent in every API server and stay live.
    """

    def __init__(self, fault: Stale, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._fault = fault
        self._until = 0.0
        self._version = 0
        self._taken = asyncio.Event()
        self._later: asyncio.Task[None] | None = None

    async def request(self, call: Call, forward: Forward) -> Reply:
        if call.is_write:
            return await self._write(call, forward)
        asked = target(call)
        if not self._past or asked.name or call.is_watch or asked.resource not in BY_PLURAL:
            return await forward()
        if call.request.query.get("fieldSelector"):
            return self._answer([])  # the framework's LIST that asks for nothing but a resourceVersion
        if "job-name" in call.request.query.get("labelSelector", ""):
            return await forward()  # the pods of a Job: a read of its own, consistent as a GET is
        self.disturbed()
        return self._answer(self._objects(asked.resource, call.request.query.get("labelSelector", "")))

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if self._past:
            await asyncio.sleep(self._until - time.monotonic())
            self.disturbed()
        return (line.raw,)

    async def settle(self) -> None:
        if self._later is not None:
            await self._later
        await asyncio.sleep(self._until - time.monotonic())

    @property
    def _past(self) -> bool:
        return time.monotonic() < self._until

    async def _write(self, call: Call, forward: Forward) -> Reply:
        write = self.around.trace.write(call)
        if (write.key, write.nth) == (self._fault.snapshot, self._fault.snapshot_nth) and not self._taken.is_set():
            changes = self.around.changes()
            self._version = changes[-1].version if changes else 0
            self._taken.set()
        strikes = (write.key, write.nth) == (self._fault.write, self._fault.nth) and not self._until
        if strikes:
            # Writes of two objects come in either order; the snapshot is of the former of the two all the same.
            await asyncio.wait_for(self._taken.wait(), LATEST_SNAPSHOT)
        reply = await forward()
        if strikes:
            self._later = asyncio.create_task(self._restart())
        return reply

    async def _restart(self) -> None:
        await asyncio.sleep(0.2)  # the recorder has seen what the write changed
        self._until = time.monotonic() + self._fault.seconds
        self.around.operator.crash()
        self.disturbed()

    def _answer(self, objects: Sequence[Manifest]) -> Reply:
        body = {"metadata": {"resourceVersion": str(self._version), "continue": ""}, "items": list(objects)}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _objects(self, plural: str, selector: str) -> list[Manifest]:
        found: dict[str, Manifest] = {}
        for change in self.around.changes():
            if change.resource.plural != plural or change.version > self._version:
                continue
            if change.type == "DELETED":
                found.pop(change.object["metadata"]["uid"], None)
            else:
                found[change.object["metadata"]["uid"]] = change.object
        return [obj for obj in found.values() if _selected(obj, selector)]


def _selected(obj: Manifest, selector: str) -> bool:
    """Whether an object has the labels of an equality or existence selector."""
    labels = obj["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        name, equals, value = term.partition("=")
        if name not in labels or (equals and labels[name] != value.lstrip("=")):
            return False
    return True
