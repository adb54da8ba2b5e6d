# SPDX-License-Identifier: Apache-2.0
"""Where a scenario plays: a control plane with a scheduler, the kind installed, an executor of pods, and watches."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.loader import NAME, Load, Loaded, Step, load
from bench.nodes import PODS_PER_NODE
from bench.operators import Operator
from bench.processes import Process, cpu_seconds
from bench.recorder import Recorder
from bench.systems import NAMESPACE, OPERATOR_NAMESPACE, System
from localcluster import Cluster
from localcluster.components import scheduler_command
from localcluster.pki import Pki
from localcluster.progress import Progress
from localcluster.tools import ensure_tools
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import JOBS, PODS
from tests.harness.audit import AuditLog, Request
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.harness.namespaces import make_namespace

AGENT: Final = "bench"
CALM: Final = 3.0
"""Seconds without a request after which nothing more is expected."""
CALM_LIMIT: Final = 120.0
PLANE: Final = ("apiserver", "etcd", "controller-manager")


@dataclass(frozen=True)
class Snapshot:
    """CPU seconds of all processes at one moment."""

    at: float
    cpu: dict[str, float]

    def since(self, before: "Snapshot") -> dict[str, float]:
        """CPU seconds that each who was there `before` has used meanwhile."""
        return {name: self.cpu[name] - seconds for name, seconds in before.cpu.items()}


class Stage:
    """See the module's docstring; made by `stage`."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        client: Client,
        recorder: Recorder,
        executor: Process,
        scheduler: Process,
        system: System,
        progress: Progress,
    ) -> None:
        self.cluster = cluster
        self.client = client
        self.recorder = recorder
        self.executor = executor
        self.scheduler = scheduler
        self.system = system
        self.progress = progress
        self.audit = AuditLog(cluster.audit_log)

    def operator(self, *, identity: str = "mlops-operator-0", kubeconfig: Path | None = None) -> Operator:
        """Start a replica; a context manager that ends it."""
        log = self.cluster.folder / "log" / f"{identity}.log"
        return Operator(self.system, kubeconfig or self.cluster.kubeconfig, log=log, identity=identity)

    async def load(self, names: Sequence[str], *steps: Step, rate: float = 0.0) -> Loaded:
        """Carry out these steps for each name; by default the creation of an object."""
        wanted = steps or (self.creation(),)
        return await load(Load(kubeconfig=str(self.cluster.kubeconfig), names=names, steps=wanted, rate=rate))

    def creation(self) -> Step:
        """The request that creates an object."""
        return Step("POST", self.system.resource.path(namespace=NAMESPACE), self.system.manifest(NAME))

    def count(self, counts: Counter[Request], *, writes: bool) -> int:
        """The operator's requests among those counted, without watches and the leader election."""
        ours = self._ours(counts)
        return sum(n for request, n in ours.items() if request.is_write is writes and request.verb != "watch")

    def refused(self, counts: Counter[Request]) -> int:
        """The operator's requests that were answered with an error, without those of the leader election."""
        return sum(n for request, n in self._ours(counts).items() if request.code >= 400)

    def elections(self, counts: Counter[Request]) -> int:
        """The operator's requests for the leader election: its lease, and a follower's looks for the leader's pod."""
        return self._ours(counts, elections=True).total()

    def _ours(self, counts: Counter[Request], *, elections: bool = False) -> Counter[Request]:
        """The operator's requests in the namespace of its election, or all others."""
        return Counter(
            {
                request: number
                for request, number in counts.items()
                if request.agent in self.system.agents and (request.namespace == OPERATOR_NAMESPACE) is elections
            }
        )

    async def calm(self, *, seconds: float = CALM) -> Counter[Request]:
        """Wait until the operator has asked for nothing for a while; all requests since the last call.

        Raises:
            TimeoutError: it does not come to rest.
        """
        counts: Counter[Request] = Counter()
        now = time.monotonic()
        quiet_since, deadline = now, now + CALM_LIMIT
        while time.monotonic() - quiet_since < seconds:
            await asyncio.sleep(0.25)
            new = self.audit.read()
            counts += new
            if self.count(new, writes=True) + self.count(new, writes=False):
                quiet_since = time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.system.label} still sends requests after {CALM_LIMIT:.0f} s: {new}")
        return counts

    async def account(self, name: str) -> str:
        """What the API server has of an object, its Job and its pod, for the message about what went wrong."""
        told = [
            f"{resource.kind} {found['metadata']['name']}: {found.get('status')}"
            for resource in (self.system.resource, JOBS, PODS)
            for found in (await self.client.list(resource, namespace=NAMESPACE)).items
            if found["metadata"]["name"].startswith(name)
        ]
        logs = sorted((self.cluster.folder / "log").glob("*operator*.log"))
        told.extend(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in (*logs, self.executor.log))
        return "\n".join(told)

    def snapshot(self, operator: Process) -> Snapshot:
        """CPU seconds that all processes have used so far."""
        own = os.times()
        cpu = {
            "operator": operator.usage().cpu_seconds,
            "executor": self.executor.usage().cpu_seconds,
            "scheduler": self.scheduler.usage().cpu_seconds,
            "harness": own.user + own.system + own.children_user + own.children_system,
        }
        for component in PLANE:
            if (process := self.cluster.process(component)) is not None:
                cpu[component] = cpu_seconds(process.pid)
        return Snapshot(time.monotonic(), cpu)


@asynccontextmanager
async def stage(
    system: System, progress: Progress, *, fsync: bool = True, pods_per_node: int = PODS_PER_NODE
) -> AsyncIterator[Stage]:
    """A stage for one run of a scenario; removed afterwards.

    Args:
        system: the operator that will play; it is not started.
        progress: receives the current step.
        pods_per_node: pods that each of the nodes runs at a time.
        fsync: whether etcd writes to disk, as it does in production.
    """
    with own_cluster("bench", fsync=fsync) as cluster:
        async with (
            Client(load_config(cluster.kubeconfig), user_agent=AGENT) as client,
            _executor(cluster, pods_per_node) as executor,
            _scheduler(cluster) as scheduler,
        ):
            await install_crds(client, system.crds, system.served)
            for namespace in (NAMESPACE, OPERATOR_NAMESPACE):
                await make_namespace(client, namespace)
            async with Recorder(client, system) as recorder:
                yield Stage(
                    cluster=cluster,
                    client=client,
                    recorder=recorder,
                    executor=executor,
                    scheduler=scheduler,
                    system=system,
                    progress=progress,
                )


@asynccontextmanager
async def _scheduler(cluster: Cluster) -> AsyncIterator[Process]:
    """The real scheduler, with the flags of a node's own cluster."""
    process = Process(
        scheduler_command(ensure_tools(), Pki(cluster.folder / "pki")), log=cluster.folder / "log" / "scheduler.log"
    )
    try:
        yield process
    finally:
        process.stop()


@asynccontextmanager
async def _executor(cluster: Cluster, pods_per_node: int) -> AsyncIterator[Process]:
    process = Process(
        [sys.executable, "-m", "bench.executor", str(cluster.kubeconfig), str(pods_per_node)],
        log=cluster.folder / "log" / "executor.log",
    )
    try:
        yield process
    finally:
        process.stop()
