# SPDX-License-Identifier: Apache-2.0
"""A thin asynchronous client of the Kubernetes API: JSON in, JSON out, typed errors.

One aiohttp session carries everything. What it adds to HTTP: fresh credentials, a bound on
requests in flight, obedience to 429 with Retry-After, request metrics, and errors as types. It
never repeats a write whose fate is unknown; deciding that is the reconciler's business.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
from yarl import URL

from mlops_operator import __version__
from mlops_operator.api.meta import FIELD_MANAGER, Manifest
from mlops_operator.kube import metrics, wire
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.kube.errors import TooManyRequests, Unauthorized, Unreachable, from_response
from mlops_operator.kube.resources import Resource

USER_AGENT: Final = f"mlops-operator/{__version__}"

PAGE_SIZE: Final = 100
"""Objects per page of a LIST. A page is decoded whole, and what its objects took is not given back to the system: with
the 500 of client-go a start with 2,000 objects needs 24 MiB more, and no less CPU."""

MAX_IN_FLIGHT: Final = 64
"""Requests in flight at once. More only queue up inside the API server, which then answers 429."""

REQUEST_TIMEOUT: Final = 30.0
"""Seconds for a whole request that is not a watch; the API server itself gives up after 60."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for a TCP connection and its TLS handshake."""

THROTTLED_ATTEMPTS: Final = 3
"""Maximum number of attempts at a request that the server answers with 429, before an error is raised."""

THROTTLED_DEFAULT: Final = 1.0
"""Seconds to wait after a 429 without Retry-After."""

THROTTLED_LONGEST: Final = 10.0
"""A longer Retry-After is the caller's to wait out, not a request's to sit through."""

_JSON: Final = "application/json"
_APPLY_PATCH: Final = "application/apply-patch+yaml"
_MERGE_PATCH: Final = "application/merge-patch+json"


class Listing(NamedTuple):
    """A LIST, or a page of it: its objects and the resourceVersion at which they were true."""

    items: list[Manifest]
    resource_version: str


class Client:
    """The API client. An asynchronous context manager; made inside a running event loop.

    Args:
        config: the server and the credentials.
        max_in_flight: bound on requests in flight; watches are not counted.
        user_agent: how the server's logs name us.
    """

    def __init__(
        self, config: ClusterConfig, *, max_in_flight: int = MAX_IN_FLIGHT, user_agent: str = USER_AGENT
    ) -> None:
        self.config = config
        self._host = urlsplit(config.server).netloc
        self._slots = asyncio.Semaphore(max_in_flight)
        # No limit on connections: each watch holds one permanently, and the concurrency limit bounds all other
        # requests.
        self.connector = aiohttp.TCPConnector(
            limit=0, ssl=config.tls if config.tls is not None else True, keepalive_timeout=60, ttl_dns_cache=60
        )
        self.session = aiohttp.ClientSession(
            connector=self.connector,
            connector_owner=False,
            headers={"User-Agent": user_agent, "Accept": _JSON, **config.headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT, sock_connect=CONNECT_TIMEOUT),
            proxy=config.proxy,
        )
        # aiohttp sends a GET, PUT or DELETE whose connection ended without an answer a second time at once.
        self.session._retry_connection = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection, those of watches as well."""
        await self.session.close()
        await self.connector.close()

    # -- objects ---------------------------------------------------------------------------

    async def get(self, resource: Resource, *, name: str, namespace: str | None = None) -> Manifest:
        """One object.

        Raises:
            NotFound: there is none.
        """
        return await self.request("GET", resource.path(namespace=namespace, name=name))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Listing:
        """All objects, consistent at one resourceVersion.

        Args:
            resource: what to list.
            namespace: one namespace, or None for all.
            label_selector: as the API takes it.
            field_selector: as the API takes it.
            page_size: objects per request; 0 asks for all at once.

        Raises:
            Expired: the listing took longer than the server remembers; ask for all at once.
        """
        items: list[Manifest] = []
        version = ""
        pages = self.pages(
            resource,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            page_size=page_size,
        )
        async for page in pages:
            items += page.items
            version = page.resource_version
        return Listing(items, version)

    async def pages(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncIterator[Listing]:
        """The same page by page, so that a reader who keeps little never holds much."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query["limit"] = str(page_size) if page_size else None
        path = resource.path(namespace=namespace)
        while True:
            given = {name: value for name, value in query.items() if value}
            page = await self.request("GET", path, query=given)
            items: list[Manifest] = page.get("items") or []
            for item in items:  # lists of built-in kinds leave these out
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
            metadata = page["metadata"]
            yield Listing(items, metadata["resourceVersion"])
            query["continue"] = metadata.get("continue")
            if not query["continue"]:
                return

    async def create(
        self, resource: Resource, manifest: Manifest, *, dry_run: bool = False, strict: bool = False
    ) -> Manifest:
        """POST an object; the answer is the object as stored.

        Args:
            resource: its kind.
            manifest: the object.
            dry_run: have it checked, not stored.
            strict: refuse fields that the kind does not have, which the API server otherwise drops.

        Raises:
            AlreadyExists: the name is taken.
            BadRequest: with `strict`, the manifest has an unknown field.
        """
        path = resource.path(namespace=manifest["metadata"].get("namespace"))
        query = {"fieldManager": FIELD_MANAGER}
        if dry_run:
            query["dryRun"] = "All"
        if strict:
            query["fieldValidation"] = "Strict"
        return await self.request("POST", path, query=query, body=manifest)

    async def apply(self, resource: Resource, manifest: Manifest, *, force: bool = True) -> Manifest:
        """Server-side apply: own the fields of `manifest`, and only those."""
        metadata = manifest["metadata"]
        path = resource.path(namespace=metadata.get("namespace"), name=metadata["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        return await self.request("PATCH", path, query=query, body=manifest, content_type=_APPLY_PATCH)

    async def replace(self, resource: Resource, manifest: Manifest) -> Manifest:
        """PUT an object whose metadata holds the resourceVersion it was read at."""
        metadata = manifest["metadata"]
        path = resource.path(namespace=metadata.get("namespace"), name=metadata["name"])
        return await self.request("PUT", path, query={"fieldManager": FIELD_MANAGER}, body=manifest)

    async def merge_patch(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        name: str,
        body: Mapping[str, Any],
        subresource: str | None = None,
    ) -> Manifest:
        """JSON merge patch; preconditions go into the body's `metadata`."""
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        query = {"fieldManager": FIELD_MANAGER}
        return await self.request("PATCH", path, query=query, body=body, content_type=_MERGE_PATCH)

    async def delete(
        self,
        resource: Resource,
        *,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> Manifest:
        """Delete an object, its dependents following in the background.

        Returns:
            A Status if the object was deleted, or the object if a finalizer still holds it.

        Raises:
            NotFound: it did not exist.
            Conflict: UID or resourceVersion are not those given.
        """
        options: Manifest = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options["preconditions"] = {field: value for field, value in preconditions.items() if value is not None}
        return await self.request("DELETE", resource.path(namespace=namespace, name=name), body=options)

    # -- requests --------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> Manifest:
        """One request and its JSON answer; a 429 is waited out as long as that is short.

        Raises:
            StatusError: the server's failure, as its own type.
            Unreachable: no answer.
        """
        url = self.url(path, query)
        data = wire.encode(body) if body is not None else None
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._slots:
                    return await self._send(method, url, data, content_type)
            except TooManyRequests as error:
                wait = error.retry_after if error.retry_after is not None else THROTTLED_DEFAULT
                if attempt >= THROTTLED_ATTEMPTS or wait > THROTTLED_LONGEST:
                    raise
                # Never sooner than asked; later by a random share, so that the refused do not return together.
                await asyncio.sleep(wait * (1 + random.random() / 4))

    def url(self, path: str, query: Mapping[str, str] | None = None) -> URL:
        """The full URL. Kubernetes names need no escaping, query values get it here."""
        suffix = f"?{urlencode(query)}" if query else ""
        return URL(f"{self.config.server}{path}{suffix}", encoded=True)

    async def authorization(self, *, renew: bool = False) -> str:
        """The Authorization header's value, renewed when due or when asked for; `""` for none."""
        header = None if renew else self.config.authorization.current()
        return header if header is not None else await self.config.authorization.refresh()

    def count(self, method: str, code: str) -> None:
        """Count one request and its outcome."""
        metrics.REQUESTS.labels(code, method, self._host).inc()

    async def _send(self, method: str, url: URL, data: bytes | None, content_type: str) -> Manifest:
        try:
            return await self._exchange(method, url, data, content_type, await self.authorization())
        except Unauthorized:
            # The token may have been rotated since it was read: once more with a fresh one.
            return await self._exchange(method, url, data, content_type, await self.authorization(renew=True))

    async def _exchange(
        self, method: str, url: URL, data: bytes | None, content_type: str, authorization: str
    ) -> Manifest:
        headers = {"Content-Type": content_type} if data is not None else {}
        if authorization:
            headers["Authorization"] = authorization
        started = time.monotonic()
        try:
            async with self.session.request(
                method, url, data=data, headers=headers, server_hostname=self.config.server_name
            ) as response:
                code, answer = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.count(method, metrics.NO_ANSWER)
            raise Unreachable(f"{method} {url.path}: {describe(error)}") from error
        metrics.LATENCY.labels(method).observe(time.monotonic() - started)
        self.count(method, str(code))
        if code >= 400:
            raise from_response(code, answer, response.headers)
        try:
            found: Manifest = wire.decode(answer)
        except ValueError as error:
            raise Unreachable(f"{method} {url.path}: the answer is not JSON, as if cut off: {error}") from error
        return found


def describe(error: BaseException) -> str:
    """An exception in words, also where its own text is empty (time-outs)."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
