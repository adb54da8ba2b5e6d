# SPDX-License-Identifier: Apache-2.0
"""Faults of the API server's answers: errors, conflicts, throttling, slowness."""

import asyncio
import json
import random
import time

from tests.faults.injections.base import Injection, Surroundings
from tests.faults.plan import Refuse, Slow
from tests.harness.proxy import Call, Forward, Reply
from tests.harness.stub_server import status

_REASONS = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


class _Since(Injection):
    """In force from the beginning or from a named write on, for so many seconds."""

    def __init__(self, fault: Refuse | Slow, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._from = fault
        self._until: float | None = None

    def in_force(self, call: Call) -> bool:
        """Whether the fault befalls this call."""
        now = time.monotonic()
        if self._until is None and self._begins(call):
            self._until = now + self._from.seconds
        return self._until is not None and now < self._until

    def _begins(self, call: Call) -> bool:
        if self._from.write is None:
            return True
        if not call.is_write:
            return False
        write = self.around.trace.write(call)
        return (write.key, write.nth) == (self._from.write, self._from.nth)


class RefuseRequests(_Since):
    """Answers an error in place of the API server's answer, which never sees the request."""

    def __init__(self, fault: Refuse, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._fault = fault
        self._random = random.Random(fault.seed)

    async def request(self, call: Call, forward: Forward) -> Reply:
        if self._fault.only == "writes" and not call.is_write:
            return await forward()
        if not self.in_force(call) or not self._hits():
            return await forward()
        self.disturbed()
        body = json.dumps(status(self._fault.code, _REASONS.get(self._fault.code, ""))).encode()
        headers = {"Content-Type": "application/json"}
        if self._fault.retry_after is not None:
            headers["Retry-After"] = str(self._fault.retry_after)
        return Reply(self._fault.code, headers, body)

    def _hits(self) -> bool:
        """By chance; the first request always, since some paths make few."""
        return self._random.random() < self._fault.share or not self.fired


class SlowAnswers(_Since):
    """Lets the API server do it, and keeps the answer back."""

    def __init__(self, fault: Slow, around: Surroundings) -> None:
        super().__init__(fault, around)
        self._latency = fault.latency

    async def request(self, call: Call, forward: Forward) -> Reply:
        if not call.is_write or not self.in_force(call):
            return await forward()
        reply = await forward()
        self.disturbed()
        try:
            await asyncio.sleep(self._latency)
        finally:
            self.disturbed()  # also where who has lost patience leaves before the answer, and goes on from then
        return reply
