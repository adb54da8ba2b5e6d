# SPDX-License-Identifier: Apache-2.0
"""One operator process behind a proxy, serving a namespace with finished work, through one trouble after another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from aiohttp import web

from localcluster import Cluster
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import TRAINING_JOBS
from tests.harness.audit import AuditLog
from tests.harness.kubelet import FakeKubelet
from tests.harness.namespaces import NAMESPACES, make_namespace
from tests.harness.processes import Process, kubeconfig_through, operator_process
from tests.harness.proxy import Fault, Proxy, proxy, watches
from tests.harness.stub_server import Answer
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, quiet, requests

FINISHED: Final = 3
"""TrainingJobs that are finished before any trouble, so that there is something to lose."""

SEEN: Final = 30.0
"""Seconds after trouble within which a change has to be acted upon."""

CACHED: Final = "mlops_operator_cached_objects"
RESTARTS: Final = "mlops_operator_kopf_restarts_total"


def plural(request: web.Request) -> str:
    """What a LIST or WATCH is about."""
    return request.path.rsplit("/", 1)[-1]


class Trouble:
    """What befalls requests of one sort, and how many of them there were for each resource.

    Args:
        answer: given in place of the API server's; None drops the connection.
        sort: which requests.
        of: plurals of the resources; empty for all.
        end: how running watches end when it begins: the last bytes of them, or None for a cut connection.
    """

    def __init__(
        self,
        answer: Answer | None,
        *,
        sort: Callable[[web.Request], bool] = watches,
        of: Collection[str] = (),
        end: bytes | None = None,
    ) -> None:
        self.asked: Counter[str] = Counter()
        self._sort = sort
        self._of = frozenset(of)
        self._end = end
        self._fault = Fault(self._befalls, answer, times=None)

    async def begin(self, wire: Proxy) -> None:
        """Put it in force and end the watches that run, once there are some."""

        async def running() -> int:
            return wire.watching(self._concerns_watch)

        await eventually(running, lambda number: number >= max(1, len(self._of)), within=SEEN)
        wire.inject(self._fault)
        if self._end is None:
            wire.cut_watches(self._concerns_watch)
        else:
            wire.end_watches(self._concerns_watch, self._end)

    def _concerns_watch(self, request: web.Request) -> bool:
        return not self._of or plural(request) in self._of

    def _befalls(self, request: web.Request) -> bool:
        if request.method != "GET" or not self._sort(request) or not self._concerns_watch(request):
            return False
        self.asked[plural(request)] += 1
        return True


@dataclass
class Endured:
    """What was seen of the operator while it was in trouble.

    Attributes:
        restarts: how often kopf was started again.
        told: what readiness said was missing, all answers together.
        asked: requests that the trouble befell, by resource.
    """

    restarts: int = 0
    told: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)


class Stage(Workshop):
    """The namespace, the process and what stands between it and the API server."""

    def __init__(self, client: Client, namespace: str, process: Process, wire: Proxy, audit_log: AuditLog) -> None:
        super().__init__(client, namespace)
        self.process = process
        self.wire = wire
        self._audit_log = audit_log
        self._made = 0

    async def train(self) -> None:
        """A TrainingJob from its creation to its success: both our kinds and their children are seen."""
        self._made += 1
        name = f"job-{self._made}"
        await self.create(TRAINING_JOBS, name, {"image": "example.test/train:1"})
        await self.phase(TRAINING_JOBS, name, "Succeeded", within=SEEN)

    async def restarts(self) -> int:
        return int(await self.process.metric(RESTARTS))

    async def endure(self, trouble: Trouble, *, seconds: float) -> Endured:
        """Be in trouble for so long, and be well again.

        Raises:
            AssertionError: the process ended, forgot an object, wrote something, or saw no change afterwards.
        """
        found = Endured()
        before = await self.process.by_labels(CACHED)
        restarts = await self.restarts()
        await quiet(self._audit_log, self.namespace, seconds=0.0)
        await trouble.begin(self.wire)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._unharmed(before)
                    found.told |= set((await self.process.missing()).values())
                    await asyncio.sleep(0.1)
        except TimeoutError:
            self.wire.heal()
        await eventually(self.process.ready, within=SEEN)
        await self._unharmed(before)
        assert await requests(self._audit_log, self.namespace) == Counter(), "it wrote though nothing had changed"
        found.restarts = await self.restarts() - restarts
        found.asked = trouble.asked
        await self.train()
        assert await self.process.by_labels(CACHED) != before, "the new objects are known"
        return found

    async def _unharmed(self, before: dict[str, float]) -> None:
        assert self.process.child.returncode is None, "the process ended"
        cached = await self.process.by_labels(CACHED)
        lost = {labels: (number, cached[labels]) for labels, number in before.items() if cached[labels] < number}
        assert not lost, f"forgotten: {lost}"


@asynccontextmanager
async def stage(cluster: Cluster, folder: Path, *, module: str = "mlops_operator") -> AsyncIterator[Stage]:
    """A stage with finished work, and the process ready."""
    config = load_config(cluster.kubeconfig)
    namespace = f"f-{uuid4().hex[:8]}"
    async with Client(config, user_agent="test") as client, proxy(config) as wire:
        await make_namespace(client, namespace)
        kubeconfig = kubeconfig_through(wire, folder / "kubeconfig")
        arguments = ("--namespace", namespace, "--no-leader-elect")
        async with (
            operator_process(kubeconfig, folder / "operator.log", *arguments, module=module) as process,
            FakeKubelet(client, namespace=namespace),
        ):
            await eventually(process.ready, within=60)
            found = Stage(client, namespace, process, wire, AuditLog(cluster.audit_log))
            for _ in range(FINISHED):
                await found.train()
            yield found
        await client.delete(NAMESPACES, namespace=None, name=namespace)
