# SPDX-License-Identifier: Apache-2.0
"""Faults at one write: crashes around it, its answer lost, somebody acting, a pause, a server killed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.faults.injections.base import Injection, Surroundings
from tests.faults.plan import Act, Crash, KillServer, LoseReply, Pause
from tests.harness.proxy import Call, Drop, Forward, Reply

DELIVERY = 0.05
"""Seconds for an answer to reach the process before it is killed "after" the write."""

WriteFault = Crash | LoseReply | Act | Pause | KillServer


class AtWrite(Injection):
    """Does its fault once, at the write that the plan names."""

    def __init__(self, fault: WriteFault, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._at = fault
        self._later: list[asyncio.Task[None]] = []

    async def request(self, call: Call, forward: Forward) -> Reply:
        if self.fired or not call.is_write:
            return await forward()
        write = self.around.trace.write(call)
        if (write.key, write.nth) != (self._at.write, self._at.nth):
            return await forward()
        self.disturbed()
        return await self._befall(forward)

    async def settle(self) -> None:
        await asyncio.gather(*self._later)

    async def _befall(self, forward: Forward) -> Reply:
        match self._at:
            case Crash():
                return await self._crash(self._at, forward)
            case LoseReply():
                await forward()
                raise Drop
            case Act():
                return await self._act(self._at, forward)
            case Pause():
                self._start(self._pause(self._at.seconds))
                await asyncio.sleep(self._at.seconds)
                return await forward()
            case KillServer():
                assert self.around.kill_server is not None, "this plan needs a control plane of its own"
                self._start(self._kill_server(self._at.component))
                return await forward()

    async def _crash(self, fault: Crash, forward: Forward) -> Reply:
        if fault.position == "before":
            self.around.operator.crash()
            raise Drop
        reply = await forward()
        if fault.position == "at":
            self.around.operator.crash()
            raise Drop
        self._start(self._crash_soon())
        return reply

    async def _crash_soon(self) -> None:
        await asyncio.sleep(DELIVERY)
        self.around.operator.crash()
        self.disturbed()

    async def _act(self, fault: Act, forward: Forward) -> Reply:
        if fault.position == "before":
            await self.around.act(fault.action)
            return await forward()
        reply = await forward()
        await self.around.act(fault.action)
        self.disturbed()
        return reply

    async def _pause(self, seconds: float) -> None:
        await self.around.operator.pause(seconds)
        self.disturbed()

    async def _kill_server(self, component: str) -> None:
        assert self.around.kill_server is not None
        await self.around.kill_server(component)
        self.disturbed()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._later.append(asyncio.create_task(work))
