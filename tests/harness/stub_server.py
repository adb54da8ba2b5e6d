# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that answers what the test says: for the answers a healthy API server never gives."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.auth import Authorization, StaticAuthorization
from mlops_operator.kube.config import ClusterConfig

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A complete JSON answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def failure(code: int, reason: str = "", message: str = "no", **details: Any) -> Answer:
    """A `metav1.Status` failure, as the API server words it."""
    headers = {"Retry-After": str(details["retryAfterSeconds"])} if "retryAfterSeconds" in details else None
    return json_answer(status(code, reason, message, **details), code, headers)


def status(code: int, reason: str = "", message: str = "no", **details: Any) -> Manifest:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }


def listing(version: int, *items: Manifest, more: str = "") -> Answer:
    """A LIST, or a page of it."""
    return json_answer({"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)})


def stream(*lines: Manifest | bytes, then: str = "end", status: int = 200) -> Answer:
    """A watch: these lines, and then `end`, `cut` (the connection, inside a line) or `hang`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for line in lines:
            await response.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        if then == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif then == "hang":
            await asyncio.Event().wait()
        return response

    return answer


def slow(seconds: float) -> Answer:
    """No answer for a while."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({})

    return answer


async def hang_up(request: web.Request) -> web.StreamResponse:
    """An end of the connection instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class StubServer:
    """Answers by script: the next answer for the request's name, the last one again and again."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.headers: list[Mapping[str, str]] = []
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)
        self.url = ""

    def on(self, name: str, *answers: Answer) -> None:
        """Script the answers to requests called `METHOD`, `WATCH`, or either with a ` /path`."""
        self._scripts[name].extend(answers)

    def config(self, authorization: Authorization | None = None) -> ClusterConfig:
        return ClusterConfig(server=self.url, tls=None, authorization=authorization or StaticAuthorization())

    def names(self) -> list[str]:
        """`METHOD` of every request so far, `WATCH` for watches."""
        return [name for name, _ in self.requests]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = "WATCH" if "watch" in request.query else request.method
        self.requests.append((name, request.path_qs))
        self.headers.append(dict(request.headers))
        raw = await request.read()
        self.bodies.append(json.loads(raw) if raw else None)
        script = self._scripts.get(f"{name} {request.path}") or self._scripts.get(name)
        if not script:
            return web.json_response(status(404, "NotFound", f"no answer for {name} {request.path}"), status=404)
        answer = script.popleft() if len(script) > 1 else script[0]
        return await answer(request)


@asynccontextmanager
async def stub_server() -> AsyncIterator[StubServer]:
    """A server on a free port of loopback."""
    server = StubServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server._answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
