# SPDX-License-Identifier: Apache-2.0
"""The operator's own HTTP servers: liveness, readiness and metrics, and the metrics of single objects.

Liveness is the event loop itself: a loop that hangs does not answer. Readiness says in its body
what is missing, so that a person sees why a rollout waits.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from mlops_operator.runtime.http_server import HttpServer

Check = Callable[[], str | None]
"""Says what is missing, or None where all is well."""


class HealthServer(HttpServer):
    """Serves /healthz, /readyz and /metrics.

    Args:
        address: `host:port` or `:port`; port 0 takes a free one.
        live: checks without which the process is better restarted.
        ready: checks without which the process should not count as available.
    """

    def __init__(self, address: str, *, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        super().__init__(address, {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": _metrics})
        self._live = live
        self._ready = ready

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._live)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready)


class ObjectMetricsServer(HttpServer):
    """Serves the metrics of single objects under /metrics: who may read them is decided for this port alone."""

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        super().__init__(address, {"/metrics": self._metrics})
        self._registry = registry

    async def _metrics(self, _: web.Request) -> web.Response:
        # In a thread: writing out many series takes longer than the event loop may be kept.
        body = await asyncio.to_thread(generate_latest, self._registry)
        return _text(body)


def _answer(checks: Mapping[str, Check]) -> web.Response:
    missing = {name: found for name, check in checks.items() if (found := check()) is not None}
    return web.json_response(
        {"ok": not missing, "checks": {name: missing.get(name, "ok") for name in checks}},
        status=503 if missing else 200,
    )


async def _metrics(_: web.Request) -> web.Response:
    return _text(generate_latest(REGISTRY))


def _text(body: bytes) -> web.Response:
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
