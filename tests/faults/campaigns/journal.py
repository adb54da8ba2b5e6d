# SPDX-License-Identifier: Apache-2.0
"""Who wrote what where, from the API server's audit log, as it happens."""

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from typing import Final, Self

from localcluster import Cluster
from tests.harness.audit import AuditLog, Request

OPERATOR: Final = "mlops-operator"

EVERY: Final = 0.1
"""Seconds between two looks into the log."""

LAG: Final = 0.4
"""Seconds by which it may be behind an answer."""


class Journal:
    """Follows the audit log while it is entered."""

    def __init__(self, cluster: Cluster) -> None:
        self._log = AuditLog(cluster.audit_log)
        self._writes: defaultdict[str, list[tuple[float, Request]]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self.failures: list[Request] = []
        """Answers of the API server with 5xx."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name="journal")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _follow(self) -> None:
        while True:
            now = time.monotonic()
            for request, number in self._log.read().items():
                if request.code >= 500:
                    self.failures.append(request)
                if request.agent == OPERATOR and request.is_write and request.resource != "events":
                    self._writes[request.namespace] += [(now, request)] * number
            await asyncio.sleep(EVERY)

    def count(self, namespace: str) -> int:
        """The operator's writes in a namespace so far, without events."""
        return len(self._writes[namespace])

    def since(self, namespace: str, count: int) -> list[str]:
        """Its writes after the first `count`, in words."""
        return [
            f"{request.verb} {request.resource}/{request.subresource}".rstrip("/")
            for _, request in self._writes[namespace][count:]
        ]

    def quiet_for(self, namespace: str) -> float:
        """Seconds since its last write there."""
        writes = self._writes[namespace]
        return time.monotonic() - writes[-1][0] if writes else float("inf")
