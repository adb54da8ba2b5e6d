"""The operator's own HTTP server: liveness, readiness and metrics.

Liveness is the event loop itself: a loop that hangs does not answer. Readiness says in its body
what is missing, so that a person sees why a rollout waits.
"""

from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

Check = Callable[[], str | None]
"""Says what is missing, or None where all is well."""


class HealthServer:
    """Serves /healthz, /readyz and /metrics.

    Args:
        address: `host:port` or `:port`; port 0 takes a free one.
        live: checks without which the process is better restarted.
        ready: checks without which the process should not count as available.
    """

    def __init__(self, address: str, *, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        host, _, port = address.rpartition(":")
        if not port.isdigit():
            raise ValueError(f"bind address {address!r}: expected `host:port` or `:port`")
        self._host = host.strip("[]") or None
        self._port = int(port)
        self._live = live
        self._ready = ready
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be listened on.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", _metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._live)

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready)


def _answer(checks: Mapping[str, Check]) -> web.Response:
    missing = {name: found for name, check in checks.items() if (found := check()) is not None}
    return web.json_response(
        {"ok": not missing, "checks": {name: missing.get(name, "ok") for name in checks}},
        status=503 if missing else 200,
    )


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
