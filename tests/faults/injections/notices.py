# SPDX-License-Identifier: Apache-2.0
"""Faults of delivery: notifications held back, delayed or repeated."""

import asyncio
import json
import time
from collections.abc import Sequence

from tests.faults.injections.base import Injection, Surroundings
from tests.faults.plan import Delay, Hold, Repeat
from tests.faults.trace import target
from tests.harness.proxy import Call, EndOfStream, Line

GONE = (
    json.dumps(
        {"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired"}}
    ).encode()
    + b"\n"
)


class HoldNotice(Injection):
    """Holds a notification, and all behind it in the same watch, until the one that cancels it arrives."""

    def __init__(self, fault: Hold, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._hold = fault
        self._line: Line | None = None
        self._cancelled = asyncio.Event()

    def arrived(self, call: Call, line: Line) -> None:
        if not line.is_change or target(call).resource != self._hold.resource or self._cancelled.is_set():
            return
        notice = self.around.trace.notice(call, line)
        if notice.name != self._hold.name:
            return
        holds = line.type != "DELETED" and notice.facts.get(self._hold.path) == self._hold.value
        if self._line is None and holds:
            self._line = line
            self.disturbed()
        elif self._line is not None and not holds:
            self._cancelled.set()

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if line is not self._line:
            return (line.raw,)
        try:
            async with asyncio.timeout(self._hold.longest):
                await self._cancelled.wait()
        except TimeoutError:
            self._cancelled.set()
        self.disturbed()
        if self._hold.then == "relist":
            raise EndOfStream(GONE)
        return (line.raw,)


class DelayLines(Injection):
    """Delivers every line of one resource's watches late, in order."""

    def __init__(self, fault: Delay, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._delay = fault
        self._arrivals: dict[Line, float] = {}

    def arrived(self, call: Call, line: Line) -> None:
        if target(call).resource == self._delay.resource and line.is_change:
            self._arrivals[line] = time.monotonic()
            self.disturbed()

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if (at := self._arrivals.pop(line, None)) is not None:
            await asyncio.sleep(max(0.0, at + self._delay.seconds - time.monotonic()))
            self.disturbed()
        return (line.raw,)


class RepeatLines(Injection):
    """Delivers every line twice, with the object's former line once more in between: old news after new."""

    def __init__(self, fault: Repeat, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._former: dict[str, bytes] = {}

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if not line.is_change:
            return (line.raw,)
        uid = line.object["metadata"]["uid"]
        former = self._former.get(uid)
        self._former[uid] = line.raw
        self.disturbed()
        return (line.raw, former, line.raw) if former is not None else (line.raw, line.raw)
