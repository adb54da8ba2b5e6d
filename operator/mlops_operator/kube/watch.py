# SPDX-License-Identifier: Apache-2.0
"""Watching: the changes of a resource since a resourceVersion, as an asynchronous iterator.

A watch always ends. How it ends determines the next step: normally (the server's time was up:
watch on from the last resourceVersion), `WatchBroken` (the same, after a pause), `Expired`
(the history was compacted: list again) or another `StatusError` (wait, then try again).
"""

import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, NamedTuple

import aiohttp

from mlops_operator.api.meta import Manifest
from mlops_operator.kube import metrics, wire
from mlops_operator.kube.client import CONNECT_TIMEOUT, Client, describe
from mlops_operator.kube.errors import Unreachable, WatchBroken, from_response, from_status
from mlops_operator.kube.resources import Resource

SERVER_TIMEOUT: Final = (300.0, 600.0)
"""Seconds, chosen at random, after which the server ends a watch: spread, so that they do not all return together."""

SILENCE: Final = 75.0
"""Seconds without a byte after which a stream counts as dead. Bookmarks come about once a minute."""

BOOKMARK: Final = "BOOKMARK"
DELETED: Final = "DELETED"
_CHANGES: Final = frozenset({"ADDED", "MODIFIED", DELETED, BOOKMARK})


class WatchEvent(NamedTuple):
    """One change: ADDED, MODIFIED, DELETED, or BOOKMARK, which only moves the resourceVersion on."""

    type: str
    object: Manifest


async def watch(
    client: Client,
    resource: Resource,
    *,
    resource_version: str,
    namespace: str | None = None,
    label_selector: str | None = None,
    server_timeout: float | None = None,
    silence: float = SILENCE,
    on_open: Callable[[], None] = lambda: None,
) -> AsyncGenerator[WatchEvent, None]:
    """Stream the changes after `resource_version` until the watch ends.

    Args:
        client: the API client.
        resource: what to watch.
        resource_version: where to begin, from a LIST or the last event.
        namespace: one namespace, or None for all.
        label_selector: as the API takes it.
        server_timeout: seconds after which the server ends the watch; chosen at random by default.
        silence: inactivity timeout in seconds: without a byte for this time the stream counts as dead.
        on_open: called when the API server has begun to answer.

    Raises:
        Expired: `resource_version` is too old.
        StatusError: the request was refused, or an ERROR event came.
        Unreachable: no answer to the request.
        WatchBroken: the stream was cut inside a line, fell silent or lost its connection.
    """
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(max(1, round(server_timeout or random.uniform(*SERVER_TIMEOUT)))),
    }
    if label_selector:
        query["labelSelector"] = label_selector
    url = client.url(resource.path(namespace=namespace), query)
    authorization = await client.authorization()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=silence)
    try:
        response = await client.session.get(
            url,
            headers={"Authorization": authorization} if authorization else {},
            timeout=timeout,
            server_hostname=client.config.server_name,
        )
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        client.count("GET", metrics.NO_ANSWER)
        raise Unreachable(f"watch of {resource}: {describe(error)}") from error
    async with response:
        client.count("GET", str(response.status))
        if response.status == 401:
            await client.authorization(renew=True)
        if response.status >= 400:
            raise from_response(response.status, await _body(response), response.headers)
        on_open()
        async for line in _lines(response, resource):
            yield _event(line, resource)


async def _lines(response: aiohttp.ClientResponse, resource: Resource) -> AsyncIterator[bytes]:
    rest = b""
    try:
        async for chunk in response.content.iter_any():
            lines = (rest + chunk if rest else chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if line:
                    yield line
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise WatchBroken(f"watch of {resource}: {describe(error)}") from error
    if rest:
        raise WatchBroken(f"watch of {resource}: the stream ended inside a line, after {len(rest)} bytes of it")


def _event(line: bytes, resource: Resource) -> WatchEvent:
    try:
        event = wire.decode(line)
        kind, body = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise WatchBroken(f"watch of {resource}: expected a watch event, found {line[:80]!r}") from error
    if kind == "ERROR":
        raise from_status(body)
    if kind not in _CHANGES:
        raise WatchBroken(f"watch of {resource}: unknown event type {kind!r}")
    return WatchEvent(kind, body)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return b""
