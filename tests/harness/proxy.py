# SPDX-License-Identifier: Apache-2.0
"""A proxy in front of a real API server that sees everything and breaks what the test tells it to break.

It speaks plain HTTP to the operator and TLS to the API server. What passes goes through interceptors:
`Fault` is the simple one (these requests, this answer, so often); the fault plans bring their own.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Final

import aiohttp
from aiohttp import web

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.auth import StaticAuthorization
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.runtime.tasks import end
from tests.harness.stub_server import Answer

Predicate = Callable[[web.Request], bool]

_HOP_BY_HOP: Final = frozenset({"transfer-encoding", "content-length", "connection", "content-encoding", "host"})
CONNECT: Final = 3.0
"""Seconds to reach the API server: the port of one that was killed may be held without anybody who answers."""

_BUGS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)

_HALF_A_LINE: Final = b'{"type": "ADD'


class Drop(Exception):
    """Raised by an interceptor: the connection ends without an answer, or in the middle of one."""


class EndOfStream(Exception):
    """Raised by an interceptor: the watch ends politely, after `last`, which need not be a whole line."""

    def __init__(self, last: bytes = b"") -> None:
        super().__init__(last)
        self.last = last


class Line:
    """One line of a watch."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @cached_property
    def _event(self) -> Manifest:
        event: Manifest = json.loads(self.raw)
        return event

    @property
    def type(self) -> str:
        return str(self._event["type"])

    @property
    def is_change(self) -> bool:
        """Whether it tells of an object: neither a bookmark nor an error."""
        return self.type not in ("BOOKMARK", "ERROR")

    @property
    def object(self) -> Manifest:
        found: Manifest = self._event["object"]
        return found


@dataclass(eq=False)
class Call:
    """One request: read by interceptors, forwarded as it is."""

    request: web.Request
    raw: bytes

    @property
    def is_watch(self) -> bool:
        return watches(self.request)

    @property
    def is_write(self) -> bool:
        return writes(self.request)

    @cached_property
    def body(self) -> Manifest:
        """The JSON that was sent; empty where nothing was."""
        found: Manifest = json.loads(self.raw) if self.raw else {}
        return found


@dataclass
class Reply:
    """A complete answer, or the beginning of a watch's when `body` is None."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = b""


Forward = Callable[[], Awaitable[Reply]]


class Interceptor:
    """Sees what passes and may change it; this one lets everything pass."""

    async def request(self, call: Call, forward: Forward) -> Reply:
        """Answer a request: with `await forward()`, before or after it, or instead of it.

        Raises:
            Drop: to end the connection without an answer.
        """
        return await forward()

    def arrived(self, call: Call, line: Line) -> None:
        """A line of a watch came from the API server; earlier ones may not be delivered yet."""

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        """What is delivered for a line, in the watch's order; awaiting holds back all that follows.

        Raises:
            Drop: to end the watch inside a line.
            EndOfStream: to end it without an error of the connection.
        """
        return (line.raw,)


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
    """Forwards to the API server of `config`; faults and interceptors come and go.

    Attributes:
        interceptors: what sees the requests, the first of them first.
        bugs: errors that interceptors raised without meaning to.
        url: where it listens.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self._upstream = config
        self._faults: list[Fault] = []
        self._streams: list[tuple[web.Request, asyncio.Future[bytes | None]]] = []
        self._session: aiohttp.ClientSession
        self.interceptors: list[Interceptor] = []
        self.bugs: list[str] = []
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

    def watching(self, matches: Predicate = watches) -> int:
        """How many such watches run."""
        return sum(matches(request) and not stop.done() for request, stop in self._streams)

    def cut_watches(self, matches: Predicate = watches) -> int:
        """End running watches in the middle of a line; how many."""
        return self._stop_watches(matches, None)

    def end_watches(self, matches: Predicate = watches, last: bytes = b"") -> int:
        """End running watches politely, after `last`, which need not be a whole line; how many."""
        return self._stop_watches(matches, last)

    def _stop_watches(self, matches: Predicate, last: bytes | None) -> int:
        found = [stop for request, stop in self._streams if matches(request) and not stop.done()]
        for stop in found:
            stop.set_result(last)
        return len(found)

    async def _close(self) -> None:
        """End all streams, so that no handler is left to be torn down in the middle of its work."""
        deadline = time.monotonic() + 1.0
        while self._streams and time.monotonic() < deadline:
            self.cut_watches()
            await asyncio.sleep(0.01)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = Call(request, await request.read())
        fault = next((one for one in self._faults if one.matches(request)), None)
        if fault is not None:
            return await self._befall(fault, call)
        async with _Upstream(self, call) as upstream:
            forward: Forward = upstream.forward
            for interceptor in reversed(self.interceptors):
                forward = partial(interceptor.request, call, forward)
            try:
                reply = await forward()
                if reply.body is not None:
                    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
                return await self._stream(call, upstream, reply)
            except (Drop, TimeoutError, ConnectionResetError, aiohttp.ClientConnectionError):
                return _drop(request)  # told to, or one of the two sides has gone

    async def _befall(self, fault: Fault, call: Call) -> web.StreamResponse:
        fault.happened += 1
        if fault.times is not None and fault.happened >= fault.times:
            self._faults.remove(fault)
        if fault.forwarded:
            async with _Upstream(self, call) as upstream:
                await upstream.forward()
        return await fault.answer(call.request) if fault.answer is not None else _drop(call.request)

    async def _stream(self, call: Call, upstream: "_Upstream", reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(call.request)
        stop: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        entry = (call.request, stop)
        self._streams.append(entry)
        arrived: asyncio.Queue[Line | None] = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._receive(call, upstream, arrived)),
            asyncio.create_task(self._deliver(call, response, arrived)),
        ]
        try:
            pending: set[asyncio.Future[Any]] = {tasks[1], stop}
            while len(pending) == 2 and not _left(call.request):
                _, pending = await asyncio.wait(pending, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            if stop.done() and (last := stop.result()) is not None:
                await response.write(last)
            elif stop.done() or (tasks[1].done() and isinstance(tasks[1].exception(), Drop)):
                with suppress(ConnectionError):
                    await response.write(_HALF_A_LINE)
                _drop(call.request)
        finally:
            self._streams.remove(entry)
            await end(tasks)
        for task in tasks:
            if not task.cancelled() and isinstance(task.exception(), _BUGS):
                self.bugs.append(repr(task.exception()))  # an interceptor's own: the run proves nothing
        return response

    async def _receive(self, call: Call, upstream: "_Upstream", arrived: "asyncio.Queue[Line | None]") -> None:
        try:
            async with aclosing(upstream.lines()) as lines:
                async for raw in lines:
                    line = Line(raw)
                    for interceptor in self.interceptors:
                        interceptor.arrived(call, line)
                    arrived.put_nowait(line)
        finally:
            arrived.put_nowait(None)

    async def _deliver(self, call: Call, response: web.StreamResponse, arrived: "asyncio.Queue[Line | None]") -> None:
        while (line := await arrived.get()) is not None:
            found: Sequence[bytes] = (line.raw,)
            try:
                for interceptor in self.interceptors:
                    changed = await interceptor.deliver(call, line)
                    if changed != (line.raw,):
                        found = changed
            except EndOfStream as end:
                await response.write(end.last)
                return
            for raw in found:
                await response.write(raw)


class _Upstream:
    """The API server's side of one request; nothing is sent before `forward`."""

    def __init__(self, proxy: Proxy, call: Call) -> None:
        self._proxy = proxy
        self._call = call
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> "_Upstream":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._response is not None:
            self._response.close()

    async def forward(self) -> Reply:
        request = self._call.request
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        self._response = await self._proxy._session.request(
            request.method,
            self._proxy._upstream.server + request.path_qs,
            headers=headers,
            data=self._call.raw or None,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
        )
        kept = {name: value for name, value in self._response.headers.items() if name.lower() not in _HOP_BY_HOP}
        if self._call.is_watch and self._response.status < 400:
            return Reply(self._response.status, kept, None)
        return Reply(self._response.status, kept, await self._response.read())

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Whole lines, with their ends."""
        assert self._response is not None
        rest = b""
        async for chunk in self._response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"


def _left(request: web.Request) -> bool:
    """Whether the client has closed its connection."""
    return request.transport is None or request.transport.is_closing()


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
            await found._close()
            await runner.cleanup()
