# SPDX-License-Identifier: Apache-2.0
"""Keeps one store true: LIST, then WATCH, then LIST again from time to time, through every fault.

The kinds of our own get their events from the framework's stream (`kopf/adapter.py`); for them an
informer only lists, whenever the framework listed anew (what vanished meanwhile it never tells)
and from time to time. All other resources are listed and watched here.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

from mlops_operator.kube.client import PAGE_SIZE, Client
from mlops_operator.kube.errors import ApiError, Expired, NotFound, StatusError, TooManyRequests, WatchBroken
from mlops_operator.kube.resources import Resource
from mlops_operator.kube.watch import BOOKMARK, DELETED, SERVER_TIMEOUT, SILENCE, watch
from mlops_operator.runtime import metrics
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.watch_health import WatchHealth, pause_after
from mlops_operator.runtime.slices import Slices

RESYNC: Final = 600.0
"""Seconds between two LISTs of a resource: what any watch may have lost is found after at most this long."""

RESYNC_JITTER: Final = 0.2
"""Share by which that varies, so that resources and processes do not list together."""

FIRST_BACKOFF: Final = 0.1
LONGEST_BACKOFF: Final = 10.0
"""Seconds between tries while the API server does not give what we ask; it is well again within so long."""

LISTS_AT_ONCE: Final = 3
"""LISTs under way at once in the whole process: a start is no burst for the API server, and few pages, which are
decoded whole, are in memory together."""

logger = logging.getLogger(__name__)


class Informer:
    """Keeps the objects of one resource in one scope.

    Args:
        client: the API client.
        cache: where the objects go.
        resource: what is kept.
        namespace: the scope: one namespace, or None for all.
        turns: shared by all informers of the process; bounds the LISTs under way.
        watched: whether this informer watches as well; False for kinds whose events come from elsewhere.
        resync: seconds between LISTs, before jitter.
        on_listed: called after every complete LIST.
        silence: seconds without a byte after which a watch counts as dead.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        resource: Resource,
        *,
        namespace: str | None = None,
        turns: asyncio.Semaphore | None = None,
        watched: bool = True,
        resync: float = RESYNC,
        on_listed: Callable[[], None] | None = None,
        silence: float = SILENCE,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self.missing = False
        self.stream = WatchHealth() if watched else None
        self._client = client
        self._cache = cache
        self._turns = turns if turns is not None else asyncio.Semaphore(LISTS_AT_ONCE)
        self._resync = resync
        self._on_listed = on_listed
        self._silence = silence
        self._selector = cache.selectors.get(resource)
        self._failures = 0
        self._wanted = asyncio.Event()

    def relist(self) -> None:
        """List again now; for a kind that is not watched here."""
        self._wanted.set()

    async def run(self) -> None:
        """Keep the store true until cancelled; never ends otherwise."""
        if self.stream is None:
            await self._wanted.wait()  # a LIST before the watch elsewhere has begun would leave a gap after it
        while True:
            try:
                version = await self._list()
                due = time.monotonic() + self._resync * random.uniform(1 - RESYNC_JITTER, 1 + RESYNC_JITTER)
                if self.stream is not None:
                    await self._watch_until(self.stream, due, version)
                else:
                    await self._wait_until(due)
            except Expired:
                self._fault("expired")
                self._failures += 1
                if self._failures > 1:  # once is the normal course of things
                    await self._back_off()
            except ApiError as error:
                self._note(error)
                await self._back_off(error)

    # -- list ------------------------------------------------------------------------------

    async def _list(self) -> str:
        """Replace the store's scope by a LIST; returns the resourceVersion it was true at."""
        self._wanted.clear()
        async with self._turns:
            try:
                version = await self._pages(PAGE_SIZE)
            except Expired:
                version = await self._pages(0)
        if self.missing:
            self.missing = False
            logger.info("resource is there now", extra={"resource": str(self.resource)})
        metrics.RESOURCE_MISSING.labels(str(self.resource)).set(0)
        if self._on_listed is not None:
            self._on_listed()
        return version

    async def _pages(self, page_size: int) -> str:
        replacement = self._cache.store(self.resource).begin_replace(self.namespace)
        version = ""
        slices = Slices()
        async for page in self._client.pages(
            self.resource, namespace=self.namespace, label_selector=self._selector, page_size=page_size
        ):
            slices.begin()
            version = page.resource_version
            if self.stream is not None:
                self.stream.listed()
            for obj in page.items:
                self._cache.notify(self.resource, replacement.add(obj, listed=int(version)))
                if slices.over:
                    await slices.pause()
            await slices.pause()
        for change in replacement.finish(int(version)):
            self._cache.notify(self.resource, change)
            if slices.over:
                await slices.pause()
        return version

    # -- watch -----------------------------------------------------------------------------

    async def _watch_until(self, stream: WatchHealth, due: float, version: str) -> None:
        """Watch on and on from `version`, until a LIST is due, the past is forgotten or the resource is not known.

        The last of these may be over at once, and only a LIST can tell.
        """
        while (left := due - time.monotonic()) > 1.0:
            try:
                version, held = await self._watch(
                    stream, version, server_timeout=min(left, random.uniform(*SERVER_TIMEOUT))
                )
                if not held:
                    self._fault("short")
                    await self._back_off()
            except _Interrupted as interrupted:
                version = interrupted.version
                if isinstance(interrupted.cause, Expired | NotFound):
                    raise interrupted.cause from None
                self._note(interrupted.cause)
                await self._back_off(interrupted.cause)

    async def _watch(self, stream: WatchHealth, version: str, *, server_timeout: float) -> tuple[str, bool]:
        """One watch to its end; returns the resourceVersion to go on from, and whether the watch had held."""
        serial = 0
        held = False

        def opened() -> None:
            nonlocal serial
            serial = stream.opened()

        events = watch(
            self._client,
            self.resource,
            resource_version=version,
            namespace=self.namespace,
            label_selector=self._selector,
            server_timeout=server_timeout,
            silence=self._silence,
            on_open=opened,
        )
        slices = Slices()
        try:
            async with aclosing(events):
                async for event in events:
                    if slices.over:  # a chunk of the stream may hold hundreds of events
                        await slices.pause()
                    if event.type == DELETED:
                        self._cache.observe_deleted(self.resource, event.object)
                    elif event.type != BOOKMARK:
                        self._cache.observe(self.resource, event.object)
                    version = event.object["metadata"]["resourceVersion"]
                    self._failures = 0
        except ApiError as error:
            raise _Interrupted(version, error) from error
        finally:
            if serial and (held := stream.ended(serial)):
                self._failures = 0
        return version, held

    async def _wait_until(self, due: float) -> None:
        self._failures = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                await self._wanted.wait()

    # -- faults ----------------------------------------------------------------------------

    def _note(self, error: ApiError) -> None:
        if isinstance(error, NotFound):
            self._fault("missing")
            metrics.RESOURCE_MISSING.labels(str(self.resource)).set(1)
            if not self.missing:
                self.missing = True
                logger.error(
                    "resource is missing: the API server does not know it; waiting until its definition is installed",
                    extra={"resource": str(self.resource)},
                )
            return
        self._fault("broken" if isinstance(error, WatchBroken) else "refused" if _is_status(error) else "unreachable")
        logger.warning("list or watch failed", extra={"resource": str(self.resource), "error": str(error)})

    def _fault(self, fault: str) -> None:
        metrics.WATCH_FAULTS.labels(str(self.resource), fault).inc()

    async def _back_off(self, error: ApiError | None = None) -> None:
        delay = pause_after(self._failures, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF)
        self._failures += 1
        if isinstance(error, TooManyRequests) and error.retry_after:
            delay = max(delay, error.retry_after * random.uniform(1.0, 1.25))
        await asyncio.sleep(delay)


class _Interrupted(Exception):
    """A watch that ended with an error, and how far it had come."""

    def __init__(self, version: str, cause: ApiError) -> None:
        super().__init__(str(cause))
        self.version = version
        self.cause = cause


def _is_status(error: ApiError) -> bool:
    return isinstance(error, StatusError)
