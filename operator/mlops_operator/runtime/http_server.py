# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server for one address: what the operator's own endpoints share."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.Response]]


class HttpServer:
    """Serves GET requests.

    Args:
        address: `host:port` or `:port`; port 0 takes a free one.
        routes: handlers by path.
    """

    def __init__(self, address: str, routes: Mapping[str, Handler]) -> None:
        host, _, port = address.rpartition(":")
        if not port.isdigit():
            raise ValueError(f"bind address {address!r}: expected `host:port` or `:port`")
        self._host = host.strip("[]") or None
        self._port = int(port)
        self._routes = routes
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
        for path, handler in self._routes.items():
            app.router.add_get(path, handler)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
