# SPDX-License-Identifier: Apache-2.0
"""ASGI without a server: what one sends to an application, and what it answers."""

import asyncio
from typing import Any

from mlops_workload.runtimes.request_limits import Application, Message

GIVEN_UP_AFTER = 60.0
"""Seconds after which an application that still waits fails its test."""

DISCONNECT: Message = {"type": "http.disconnect"}


def http(method: str = "POST", path: str = "/", **scope: Any) -> Message:
    """The scope of a request."""
    return {"type": "http", "method": method, "path": path, "headers": [], **scope}


def parts(*bodies: bytes) -> list[Message]:
    """The messages of a body that arrives in parts."""
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": index < last} for index, body in enumerate(bodies)]


def ask(application: Application, scope: Message, messages: list[Message] | None = None) -> list[Message]:
    """What the application sends. After `messages` nothing arrives any more.

    The messages that are read are removed.
    """
    return asyncio.run(_ask(application, scope, messages or []))


async def _ask(application: Application, scope: Message, messages: list[Message]) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async with asyncio.timeout(GIVEN_UP_AFTER):
        await application(scope, receive, send)
    return sent
