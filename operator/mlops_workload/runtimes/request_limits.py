# SPDX-License-Identifier: Apache-2.0
"""Bounds on what one request may cost the model server: bytes of its body, time to send it, time to answer it.

A body is decoded on the server's event loop, which answers probes as well. Without a bound one large request makes the
server miss its readiness probes, and Kubernetes takes it out of its Service. At the default size, decoding takes about
0.3 s on one core, and the process needs about 60 MiB for it.

An ASGI middleware without any import of the server, so that any ASGI application can have it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from mlops_workload.errors import ConfigurationInvalidError

ENV_MAX_BODY: Final = "MLOPS_SERVER_MAX_BODY_BYTES"
ENV_READ_TIMEOUT: Final = "MLOPS_SERVER_READ_TIMEOUT_SECONDS"
ENV_ANSWER_TIMEOUT: Final = "MLOPS_SERVER_ANSWER_TIMEOUT_SECONDS"

MAX_CONFIGURED: Final = 2**40
"""Upper bound of each variable: larger values are mistakes."""

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """The bounds of one request.

    Attributes:
        max_body: bytes of the body.
        read_timeout: seconds from the end of the headers to the end of the body.
        answer_timeout: seconds from the end of the body to the beginning of the answer.
    """

    max_body: int = 8 * 1024 * 1024
    read_timeout: float = 30
    answer_timeout: float = 60

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Limits:
        """The defaults, overridden by the variables that are set.

        Raises:
            ConfigurationInvalidError: a variable is not a positive number, or the size is not a whole one.
        """
        default = cls()
        size = _number(environment, ENV_MAX_BODY, default.max_body, "a whole number of bytes")
        if not size.is_integer():
            raise ConfigurationInvalidError(f"{ENV_MAX_BODY}: expected a whole number of bytes, found {size}")
        return cls(
            max_body=int(size),
            read_timeout=_number(environment, ENV_READ_TIMEOUT, default.read_timeout, "a number of seconds"),
            answer_timeout=_number(environment, ENV_ANSWER_TIMEOUT, default.answer_timeout, "a number of seconds"),
        )


def _number(environment: Mapping[str, str], name: str, default: float, what: str) -> float:
    text = environment.get(name, "")
    if not text:
        return float(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_CONFIGURED:
        raise ConfigurationInvalidError(f"{name}: expected {what}, more than 0, found {text[:80]!r}")
    return value


class RequestRefusedError(Exception):
    """A request that exceeds a limit."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class LimitRequests:
    """ASGI middleware that answers requests over a limit itself: 413, 408 or 504, with the limit and its variable.

    The application gets a request only once its whole body is there.
    """

    def __init__(self, app: Application, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        receiving, sending = _Receiving(receive), _Sending(send)
        try:
            body = await self._read(scope, receiving)
            if body is None:
                return
            await self._answer(scope, _replay(body, receive), sending)
        except RequestRefusedError as refused:
            await self._refuse(refused, receiving, send)

    async def _read(self, scope: Message, receive: _Receiving) -> bytes | None:
        """The body; None if the client has disconnected.

        Raises:
            RequestRefusedError: it is too large or too slow.
        """
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limits.max_body:
            raise self._too_large(f"{int(announced)} bytes")
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.read_timeout):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    if size > self._limits.max_body:
                        raise self._too_large("more")
                    parts.append(part)
                    if not receive.more:
                        return b"".join(parts)
        except TimeoutError as error:
            raise RequestRefusedError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"expected the whole request body within {self._limits.read_timeout:g} s ({ENV_READ_TIMEOUT}), "
                f"found {size} bytes of it",
            ) from error

    def _too_large(self, found: str) -> RequestRefusedError:
        return RequestRefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"expected a request body of at most {self._limits.max_body} bytes ({ENV_MAX_BODY}), found {found}: "
            "send fewer rows in one request",
        )

    async def _refuse(self, refused: RequestRefusedError, receive: _Receiving, send: Send) -> None:
        content = json.dumps({"error": refused.message}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        if refused.status is HTTPStatus.REQUEST_TIMEOUT:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": int(refused.status), "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": True})
        if refused.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            # A client that is cut off while it sends does not see the answer.
            await self._drop_rest(receive)
        await send({"type": "http.response.body", "body": b""})

    async def _drop_rest(self, receive: _Receiving) -> None:
        """Read the rest of a body without keeping it, for as long as a body may take."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.read_timeout):
                while receive.more:
                    await receive()

    async def _answer(self, scope: Message, receive: Receive, sending: _Sending) -> None:
        """Let the application answer; a prediction in a thread runs on after its client was refused.

        Raises:
            RequestRefusedError: no answer began in time.
        """
        try:
            async with asyncio.timeout(self._limits.answer_timeout) as deadline:
                sending.on_start = lambda: deadline.reschedule(None)
                await self._app(scope, receive, sending)
        except TimeoutError as error:
            if sending.started or not deadline.expired():
                raise
            raise RequestRefusedError(
                HTTPStatus.GATEWAY_TIMEOUT,
                f"expected an answer within {self._limits.answer_timeout:g} s ({ENV_ANSWER_TIMEOUT}), "
                "found none: the model is slow or busy",
            ) from error


class _Receiving:
    """The server's `receive`, which notes the end of the body: after it, only the client's going is reported."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.more = True

    async def __call__(self) -> Message:
        message = await self._receive()
        self.more = bool(message.get("more_body"))
        return message


class _Sending:
    """The server's `send`, which notes the beginning of the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.on_start: Callable[[], None] = lambda: None

    async def __call__(self, message: Message) -> None:
        if not self.started:
            self.started = True
            self.on_start()
        await self._send(message)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body at once, and then whatever else the server reports."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
