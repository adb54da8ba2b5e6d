# SPDX-License-Identifier: Apache-2.0
"""Watches that end badly."""

import asyncio
import json
from collections.abc import Sequence

from tests.faults.injections.base import Injection, Surroundings
from tests.faults.plan import BadWatch
from tests.faults.trace import target
from tests.harness.proxy import Call, Drop, EndOfStream, Forward, Line, Reply
from tests.harness.stub_server import status


class EndWatches(Injection):
    """Ends the watches of one resource by the plan's ending: refused at once, or at their first line."""

    def __init__(self, fault: BadWatch, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._fault = fault

    def _befalls(self, call: Call) -> bool:
        return call.is_watch and target(call).resource == self._fault.resource and self.fired < self._fault.times

    async def request(self, call: Call, forward: Forward) -> Reply:
        if self._befalls(call) and self._fault.ending.isdigit():
            self.disturbed()
            code = int(self._fault.ending)
            return Reply(code, {"Content-Type": "application/json"}, json.dumps(status(code)).encode())
        return await forward()

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if not line.is_change or not self._befalls(call):
            return (line.raw,)
        self.disturbed()
        match self._fault.ending:
            case "cut":
                raise Drop
            case "half-line":
                raise EndOfStream(line.raw[: len(line.raw) // 2])
            case "rubbish":
                raise EndOfStream(b"rubbish\n")
            case "silent":
                await asyncio.Event().wait()
            case "end":
                raise EndOfStream
        code = int(self._fault.ending.removeprefix("error-"))
        event = {"type": "ERROR", "object": status(code, "Expired" if code == 410 else "")}
        raise EndOfStream(json.dumps(event).encode() + b"\n")
