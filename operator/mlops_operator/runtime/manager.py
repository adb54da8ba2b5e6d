# SPDX-License-Identifier: Apache-2.0
"""Puts the engine together, starts its parts in order and ends them in order."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import uuid4

from mlops_operator import __version__
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import ClusterConfig
from mlops_operator.kube.resources import Resource
from mlops_operator.kube.tls import shrink_tls_buffers
from mlops_operator.runtime import metrics
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.informer import LISTS_AT_ONCE, RESYNC, Informer
from mlops_operator.runtime.cache.watch_health import DOWN
from mlops_operator.runtime.election import NOT_A_POD
from mlops_operator.runtime.health import HealthServer, ObjectMetricsServer
from mlops_operator.runtime.kopf.adapter import KopfAdapter
from mlops_operator.runtime.lease_thread import LeaseThread
from mlops_operator.runtime.tasks import end, run_together
from mlops_operator.runtime.telemetry import Telemetry
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.executor import Executor
from mlops_operator.runtime.work.reads import Reads
from mlops_operator.runtime.work.reconciler import Reconciler

CONCURRENCY: Final = 16
"""Reconciliations at work at once in the whole process: enough to keep the API server busy from one core."""

DRAIN_TIMEOUT: Final = 20.0
"""Seconds for the reconciliations at work when the process is told to stop; pods get 30 by default."""

LEASE_NAME: Final = "mlops-operator"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run.

    Attributes:
        namespaces: the namespaces to serve; empty for all.
        leader_elect: whether to take part in an election before writing anything.
        lease_namespace: where the lease is; None for the namespace of the configuration.
        lease_name: its name.
        identity: who we are in the election and in events.
        metrics_address: `host:port` of health, readiness and metrics.
        object_metrics_address: `host:port` of the metrics of single objects; None for none.
        resync: seconds between two LISTs of each resource, before jitter.
        concurrency: reconciliations at work at once.
    """

    namespaces: tuple[str, ...] = ()
    leader_elect: bool = True
    lease_namespace: str | None = None
    lease_name: str = LEASE_NAME
    identity: str = ""
    metrics_address: str = ":8080"
    object_metrics_address: str | None = None
    resync: float = RESYNC
    concurrency: int = CONCURRENCY


def default_identity() -> str:
    """The pod's name where the downward API gives it (`POD_NAME`); otherwise something unique that is no pod's name."""
    return os.environ.get("POD_NAME") or f"{socket.gethostname()}{NOT_A_POD}{uuid4().hex[:8]}"


class Manager:
    """The running operator.

    Args:
        config: which cluster.
        controllers: the kinds to serve.
        options: how to run.
        telemetry: makes metrics of the objects; None for none.
    """

    def __init__(
        self,
        config: ClusterConfig,
        controllers: Sequence[Controller],
        options: Options,
        *,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._options = options
        self._identity = options.identity or default_identity()
        self._stop = asyncio.Event()
        self._signals: tuple[signal.Signals, ...] = ()
        self._synced = asyncio.Event()
        shrink_tls_buffers()
        self._client = Client(config)
        self.cache = Cache(controllers, namespaces=options.namespaces)
        for resource, store in self.cache.stores.items():
            metrics.CACHED.labels(str(resource)).set_function(partial(len, store))
        self._election: LeaseThread | None = None
        if options.leader_elect:
            self._election = LeaseThread(
                config,
                namespace=options.lease_namespace or config.namespace,
                name=options.lease_name,
                identity=self._identity,
            )
        executor = Executor(
            self._client,
            self.cache,
            instance=self._identity,
            may_write=self._election.leading if self._election is not None else lambda: True,
            **({"on_status": telemetry.written} if telemetry is not None else {}),
        )
        self.object_metrics: ObjectMetricsServer | None = None
        if telemetry is not None:
            for controller in controllers:
                self.cache.subscribe(controller.resource, partial(telemetry.changed, controller.resource))
            if options.object_metrics_address is not None:
                self.object_metrics = ObjectMetricsServer(options.object_metrics_address, telemetry.objects)
        reads = Reads(self._client, nodes=not options.namespaces)
        slots = asyncio.Semaphore(options.concurrency)
        self._reconcilers = {
            controller.resource: Reconciler(controller, cache=self.cache, reads=reads, executor=executor, slots=slots)
            for controller in controllers
        }
        self._turns = asyncio.Semaphore(LISTS_AT_ONCE)
        self._informers = {
            (resource, namespace): self._informer(resource, namespace)
            for resource in self.cache.stores
            for namespace in (options.namespaces if resource.namespaced and options.namespaces else (None,))
        }
        self._adapter = KopfAdapter(
            self._client,
            self.cache,
            tuple(self._reconcilers),
            namespaces=options.namespaces,
            on_list=self._kopf_listed,
            on_started=self._take_signals,
        )
        self.health = HealthServer(
            options.metrics_address,
            live={"manager": lambda: None},
            ready={"caches": self._missing_caches, "events": self._missing_events, "watches": self._missing_watches},
        )
        for resource in self.cache.stores:
            metrics.WATCH_DOWN.labels(str(resource)).set_function(partial(self._down_for, resource))

    @property
    def ready(self) -> bool:
        """Whether nothing is missing that readiness asks for."""
        return self._missing_caches() is None and self._missing_events() is None and self._missing_watches() is None

    def stop(self) -> None:
        """Ask it to stop; `run` then ends in order."""
        self._stop.set()

    def on_signals(self, *signals: signal.Signals) -> None:
        """Stop in order on these signals; in the main thread only."""
        self._signals = signals
        self._take_signals()

    async def run(self) -> None:
        """Run until `stop`, or until a part fails that cannot be done without.

        Raises:
            LeadershipLost: another process leads; this one must end.
            Exception: what a part failed with.
        """
        try:
            await self.health.start()
            if self.object_metrics is not None:
                await self.object_metrics.start()
            await self._run()
        finally:
            await self.health.stop()
            if self.object_metrics is not None:
                await self.object_metrics.stop()
            await self._client.close()

    async def _run(self) -> None:
        logger.info(
            "starting",
            extra={
                "version": __version__,
                "identity": self._identity,
                "kinds": sorted(resource.kind for resource in self._reconcilers),
                "namespaces": list(self._options.namespaces) or "all",
                "port": self.health.port,
            },
        )
        feeders = [
            asyncio.create_task(informer.run(), name=f"inform {resource} {namespace or ''}".rstrip())
            for (resource, namespace), informer in self._informers.items()
        ]
        feeders.append(asyncio.create_task(self._adapter.run(), name="kopf adapter"))
        if self._election is not None:
            feeders.append(asyncio.create_task(self._election.beat(), name="heartbeat"))
        leader = asyncio.create_task(self._lead(), name="lead")
        stopped = asyncio.create_task(self._wait_for_stop(), name="wait for stop")
        try:
            done, _ = await asyncio.wait({*feeders, leader, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()
                raise RuntimeError(f"{task.get_name()!r} ended; expected it to run until it is cancelled")
        finally:
            logger.info("stopping", extra={"identity": self._identity})
            await end([leader, stopped])
            await self._drain()
            await end(feeders)
            if self._election is not None:
                await self._election.release()
        logger.info("stopped", extra={"identity": self._identity})

    # -- parts -----------------------------------------------------------------------------

    async def _lead(self) -> None:
        """Become the leader, wait for the caches, and work until leadership is lost."""
        if self._election is not None:
            await self._election.acquire()
        parts = {"work": self._work()}
        if self._election is not None:
            parts["hold lease"] = self._election.hold()
        await run_together(parts)

    async def _work(self) -> None:
        await self._synced.wait()
        logger.info("caches are complete", extra={"objects": sum(map(len, self.cache.stores.values()))})
        await run_together({f"work {part.name}": part.run() for part in self._reconcilers.values()})

    async def _wait_for_stop(self) -> None:
        await self._stop.wait()

    async def _drain(self) -> None:
        """Let the reconciliations at work come to their end."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                for reconciler in self._reconcilers.values():
                    await reconciler.drain()
        except TimeoutError:
            logger.warning("reconciliations did not end in time", extra={"seconds": DRAIN_TIMEOUT})

    def _informer(self, resource: Resource, namespace: str | None) -> Informer:
        return Informer(
            self._client,
            self.cache,
            resource,
            namespace=namespace,
            turns=self._turns,
            watched=resource not in self._reconcilers,
            resync=self._options.resync,
            on_listed=partial(self._listed, resource),
        )

    def _listed(self, resource: Resource) -> None:
        if resource in self._reconcilers:
            self._reconcilers[resource].resync()
        if all(store.synced for store in self.cache.stores.values()):
            self._synced.set()

    def _take_signals(self) -> None:
        for number in self._signals:
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)

    def _kopf_listed(self, resource: Resource, namespace: str | None) -> None:
        self._informers[resource, namespace].relist()

    # -- health ----------------------------------------------------------------------------

    def _missing_caches(self) -> str | None:
        missing = {str(resource) for (resource, _), informer in self._informers.items() if informer.missing}
        missing |= set(map(str, self._adapter.missing))
        waiting = {str(resource) for resource, store in self.cache.stores.items() if not store.synced} - missing
        missing_parts = [f"not known to the API server: {', '.join(sorted(missing))}"] if missing else []
        missing_parts += [f"not listed yet: {', '.join(sorted(waiting))}"] if waiting else []
        return "; ".join(missing_parts) or None

    def _missing_events(self) -> str | None:
        return None if self._adapter.running else "kopf is not running"

    def _missing_watches(self) -> str | None:
        down = sorted(str(resource) for resource in self.cache.stores if self._down_for(resource) > DOWN)
        return f"not watched: {', '.join(down)}" if down else None

    def _down_for(self, resource: Resource) -> float:
        """Seconds for which `resource` is not watched in one of its scopes; what is not there cannot be."""
        streams = [
            informer.stream
            for (known, _), informer in self._informers.items()
            if known == resource and informer.stream is not None and not informer.missing
        ]
        streams += [stream for known, stream in self._adapter.streams() if known == resource]
        return max((stream.down_for() for stream in streams), default=0.0)
