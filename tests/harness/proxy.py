"""A proxy in front of a real API server that breaks what the test tells it to break."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web

from mlops_operator.kube.auth import StaticAuthorization
from mlops_operator.kube.config import ClusterConfig
from tests.harness.stub_server import Answer

Predicate = Callable[[web.Request], bool]

_HOP_BY_HOP: Final = frozenset({"transfer-encoding", "content-length", "connection", "content-encoding", "host"})


@dataclass
class Fault:
    """What befalls matching requests.

    Attributes:
        matches: which requests.
        answer: given instead of the server's; None for none at all (the connection is dropped).
        forwarded: whether the server carries the request out before, so that only the reply is lost.
        times: how often; None for as long as the fault is in force.
    """

    matches: Predicate
    answer: Answer | None = None
    forwarded: bool = False
    times: int | None = 1
    happened: int = 0


def writes(request: web.Request) -> bool:
    return request.method != "GET"


def watches(request: web.Request) -> bool:
    return "watch" in request.query


def lists(request: web.Request) -> bool:
    return request.method == "GET" and "watch" not in request.query


class Proxy:
    """Forwards to the API server of `config`; faults come and go."""

    def __init__(self, config: ClusterConfig) -> None:
        self._upstream = config
        self._faults: list[Fault] = []
        self._streams: list[tuple[web.Request, asyncio.Event]] = []
        self._session: aiohttp.ClientSession
        self.url = ""

    def config(self, *, namespace: str = "default") -> ClusterConfig:
        """How to reach the API server through the proxy."""
        return ClusterConfig(server=self.url, tls=None, authorization=StaticAuthorization(), namespace=namespace)

    def inject(self, fault: Fault) -> Fault:
        """Put a fault in force; returns it, for its count."""
        self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """End all faults."""
        self._faults.clear()

    def cut_watches(self, matches: Predicate = watches) -> int:
        """End running watches in the middle of a line; how many."""
        cut = [stop for request, stop in self._streams if matches(request)]
        for stop in cut:
            stop.set()
        return len(cut)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = next((one for one in self._faults if one.matches(request)), None)
        if fault is not None:
            fault.happened += 1
            if fault.times is not None and fault.happened >= fault.times:
                self._faults.remove(fault)
            if fault.forwarded:
                async with self._forward(request) as upstream:
                    await upstream.read()
            if fault.answer is not None:
                return await fault.answer(request)
            return _drop(request)
        async with self._forward(request) as upstream:
            headers = {name: value for name, value in upstream.headers.items() if name.lower() not in _HOP_BY_HOP}
            if not watches(request):
                return web.Response(status=upstream.status, body=await upstream.read(), headers=headers)
            return await self._stream(request, upstream, headers)

    async def _stream(
        self, request: web.Request, upstream: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(request)
        stop = asyncio.Event()
        entry = (request, stop)
        self._streams.append(entry)
        copying = asyncio.create_task(_copy(upstream, response))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({copying, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                with suppress(ConnectionError):
                    await response.write(b'{"type": "ADD')
                _drop(request)
        finally:
            self._streams.remove(entry)
            for task in (copying, stopping):
                task.cancel()
            await asyncio.gather(copying, stopping, return_exceptions=True)
        return response

    @asynccontextmanager
    async def _forward(self, request: web.Request) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method,
            self._upstream.server + request.path_qs,
            headers=headers,
            data=await request.read() or None,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as upstream:
            yield upstream


async def _copy(upstream: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    async for chunk in upstream.content.iter_any():
        await response.write(chunk)


def _drop(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@asynccontextmanager
async def proxy(config: ClusterConfig) -> AsyncIterator[Proxy]:
    """A proxy on a free port of loopback, in front of the API server of `config`."""
    found = Proxy(config)
    app = web.Application(client_max_size=8 * 1024**2)
    app.router.add_route("*", "/{path:.*}", found._handle)
    connector = aiohttp.TCPConnector(ssl=config.tls if config.tls is not None else True, limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
        found._session = session
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield found
        finally:
            await runner.cleanup()
