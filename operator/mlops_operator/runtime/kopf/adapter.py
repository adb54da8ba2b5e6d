# SPDX-License-Identifier: Apache-2.0
"""The adapter to kopf: it passes the events of the operator's own kinds to the cache, and supervises kopf.

What it needs to be dependable is done around it:

- kopf ends as a whole on many faults (a watch ERROR, a 404, a minute of failing LISTs). Here it
  is started again in process, with a pause; caches and queues stay.
- kopf reports a LIST object by object and never what vanished. So its LISTs are answered with
  nothing, at the true resourceVersion, and every one of them makes our own informer list:
  `Replace` knows what vanished, and a start with 10,000 objects costs no 10,000 handler calls.
- kopf watches again at once when a watch ends or is cut, 30 to 50 times a second and kind where each
  one does. So a watch waits after one that did not hold.
- kopf gives up on a kind whose definition is missing. So it is started with the kinds that are
  there, and again when a missing one appears.
"""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

import aiohttp

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube import metrics as kube_metrics
from mlops_operator.kube.client import USER_AGENT, Client
from mlops_operator.kube.errors import ApiError, NotFound
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime import metrics
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.watch_health import WatchHealth, pause_after
from mlops_operator.runtime.kopf.echo_filter import EchoFilter
from mlops_operator.runtime.kopf.leaked_tasks import cancel_leaked_tasks, ignore_unclosable_generators
from mlops_operator.runtime.kopf.light_import import kopf
from mlops_operator.runtime.kopf.settings import quiet_settings

MISSING_POLL: Final = 3.0
"""Seconds between checks for a kind that was missing."""

FIRST_BACKOFF: Final = 0.2
LONGEST_BACKOFF: Final = 10.0
"""Seconds before kopf is started again, and before a watch that follows one that did not hold; doubling."""

SETTLED: Final = 30.0
"""Seconds after which a run counts as good, so that the next pause is a short one."""

_NOTHING: Final = "metadata.name=."
"""A field selector that matches no object: names cannot be a single dot."""

logger = logging.getLogger(__name__)


class KopfAdapter:
    """Runs kopf for some resources, for ever.

    Args:
        client: the API client, whose connections are shared.
        cache: receives every event.
        resources: the kinds to watch.
        namespaces: where; empty for everywhere.
        on_list: called when kopf began to watch anew from a LIST of a resource in a namespace (None for
            all): what it does not know any more must be found by a LIST of ours.
        on_started: called after every start; kopf has taken over signal handlers then.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        resources: Sequence[Resource],
        *,
        namespaces: Sequence[str] = (),
        on_list: Callable[[Resource, str | None], None],
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        self.running = False
        self.missing: frozenset[Resource] = frozenset()
        self._client = client
        self._cache = cache
        self._resources = tuple(resources)
        self._namespaces = tuple(namespaces)
        self._on_list = on_list
        self._on_started = on_started
        self._sessions: list[aiohttp.ClientSession] = []
        self._collections = {
            resource.path(namespace=namespace): (resource, namespace)
            for resource in self._resources
            for namespace in (self._namespaces or (None,))
        }
        self._streams = {path: WatchHealth() for path in self._collections}
        self._short: Counter[str] = Counter()

    def streams(self) -> Iterator[tuple[Resource, WatchHealth]]:
        """The watches there should be, by resource."""
        for path, stream in self._streams.items():
            resource, _ = self._collections[path]
            if resource not in self.missing:
                yield resource, stream

    async def run(self) -> None:
        """Keep kopf running until cancelled."""
        failures = 0
        loop = asyncio.get_running_loop()
        ignore_unclosable_generators(loop)
        while True:
            started = loop.time()
            try:
                await self._find_missing()
                await self._run_until_found()
                failures = 0  # ended because a missing kind appeared: go on at once
                continue
            except ApiError as error:
                logger.warning("event stream not started", extra={"error": str(error)})
            except Exception as error:
                logger.warning("event stream ended", extra={"error": f"{type(error).__name__}: {error}"})
            metrics.SHELL_RESTARTS.inc()
            if loop.time() - started > SETTLED:
                failures = 0
            delay = pause_after(failures, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF)
            failures += 1
            await asyncio.sleep(delay)

    # -- missing kinds ---------------------------------------------------------------------

    async def _find_missing(self) -> None:
        missing = frozenset([resource for resource in self._resources if not await self._exists(resource)])
        for resource in self._resources:
            metrics.RESOURCE_MISSING.labels(str(resource)).set(resource in missing)
        if missing - self.missing:
            logger.error(
                "kinds are missing: the API server does not know them; waiting until their definitions are installed",
                extra={"resources": sorted(map(str, missing))},
            )
        self.missing = missing

    async def _exists(self, resource: Resource) -> bool:
        namespace = self._namespaces[0] if self._namespaces else None
        try:
            await self._client.request(
                "GET", resource.path(namespace=namespace), query={"fieldSelector": _NOTHING, "limit": "1"}
            )
        except NotFound:
            return False
        return True

    async def _run_until_found(self) -> None:
        """Run kopf until it ends, which is an error, or until a missing kind appears, which is not."""
        served = [resource for resource in self._resources if resource not in self.missing]
        tasks = set()
        if served:
            tasks.add(asyncio.create_task(self._serve(served), name="kopf"))
        if self.missing:
            tasks.add(asyncio.create_task(self._wait_for_missing(), name="wait for missing kinds"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait_for_missing(self) -> None:
        while True:
            await asyncio.sleep(MISSING_POLL)
            with suppress(ApiError):
                for resource in self.missing:
                    if await self._exists(resource):
                        logger.info("kind is there now", extra={"resource": str(resource)})
                        return

    # -- one run of kopf -------------------------------------------------------------------

    async def _serve(self, served: Sequence[Resource]) -> None:
        """One run of kopf, from login to its end, which is always an error."""
        self._short.clear()  # the pause before this start was theirs as well
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry, id="login", errors=kopf.ErrorsMode.PERMANENT)(self._login)
        for resource in served:
            kopf.on.event(
                resource.group, resource.version, resource.plural, registry=registry, id=f"feed-{resource.plural}"
            )(self._feeder(resource))
        where: dict[str, Any] = {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        # kopf puts its own handlers on signals; none may be lost to them in the meantime.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            tasks = await kopf.spawn_tasks(registry=registry, settings=quiet_settings(), standalone=True, **where)
            self._on_started()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        self.running = True
        try:
            await kopf.run_tasks(tasks, ignored=cast(Collection[Any], _Everything()))
        finally:
            self.running = False
            await cancel_leaked_tasks()
            while self._sessions:  # kopf closes those it used
                await self._sessions.pop().close()
        raise RuntimeError("kopf ended without an error; expected it to run until it is cancelled")

    async def _login(self, **_: Any) -> Any:
        # A session of kopf's own, since it closes its session when it likes; the connections are shared.
        config = self._client.config
        session = aiohttp.ClientSession(
            connector=self._client.connector,
            connector_owner=False,
            headers={"User-Agent": USER_AGENT, **config.headers},
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(self._middleware,),
            proxy=config.proxy,
        )
        self._sessions.append(session)
        return kopf.AiohttpSession(server=config.server, aiohttp_session=session, default_namespace=config.namespace)

    async def _middleware(
        self,
        request: aiohttp.ClientRequest,
        handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        """Fresh credentials for every request, request counts, LISTs that answer nothing, watches without echoes."""
        if authorization := await self._client.authorization():
            request.headers["Authorization"] = authorization
        if self._client.config.server_name:
            request.server_hostname = self._client.config.server_name
        path = request.url.path
        ours = self._collections.get(path) if request.method == "GET" else None
        watched = "watch" in request.url.query
        if ours is not None and not watched:
            request.url = request.url.update_query(fieldSelector=_NOTHING)
        if ours is not None and watched and (short := self._short[path]):
            await asyncio.sleep(pause_after(short - 1, first=FIRST_BACKOFF, longest=LONGEST_BACKOFF))
        try:
            response = await handler(request)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._client.count(request.method, kube_metrics.NO_ANSWER)
            raise
        self._client.count(request.method, str(response.status))
        if response.status == 401:
            await self._client.authorization(renew=True)
        if ours is not None and response.status == 200:
            if watched:
                ended = partial(self._watch_ended, path, self._streams[path].opened())
                filtered = EchoFilter(response.content, partial(self._has, ours[0]), ended)
                response.content = cast(aiohttp.StreamReader, filtered)
            else:
                # The resourceVersion kopf will watch from is fixed by now: a LIST from here on cannot leave a gap.
                self._on_list(*ours)
        return response

    def _watch_ended(self, path: str, serial: int) -> None:
        if self._streams[path].ended(serial):
            self._short[path] = 0
        else:
            self._short[path] += 1

    def _has(self, resource: Resource, key: Key, version: str) -> bool:
        return self._cache.store(resource).version(key) == version

    def _feeder(self, resource: Resource) -> Callable[..., Awaitable[None]]:
        async def feed(event: Any, **_: Any) -> None:
            obj: Manifest = event["object"]
            if event["type"] == "DELETED":
                self._cache.observe_deleted(resource, obj)
            else:
                self._cache.observe(resource, obj)

        return feed


_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


class _Everything:
    """A collection of all tasks there are: kopf must not cancel any that are not its own, and knows those."""

    def __contains__(self, _: object) -> bool:
        return True
