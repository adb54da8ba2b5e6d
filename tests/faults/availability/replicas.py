# SPDX-License-Identifier: Apache-2.0
"""Operator processes that share a lease, each behind a proxy of its own, and everything that they write."""

import asyncio
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.leases import LeaseRecord, read_lease
from mlops_operator.kube.resources import JOBS, LEASES, PODS, TRAINING_JOBS
from mlops_operator.runtime.election import RENEW_DEADLINE
from mlops_operator.runtime.manager import LEASE_NAME
from tests.faults.history import History, Write
from tests.faults.invariants import violations
from tests.faults.recorder import Recorder
from tests.faults.trace import Trace, target
from tests.harness.kubelet import Behaviour, of_jobs_succeed
from tests.harness.processes import Process, kubeconfig_through, operator_process
from tests.harness.proxy import Call, Forward, Interceptor, Proxy, Reply, proxy
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop

KILLED: Final = 40.0
"""Seconds from the SIGKILL of a leader to its successor, at most: the lease's duration, a look, and generous room."""

TERMINATED: Final = RENEW_DEADLINE
"""Seconds from its SIGTERM: by then its last lease cannot have expired, so it was handed over."""

PATIENCE: Final = 60.0
"""Seconds that anything without a limit of its own may take."""


class Looks(Interceptor):
    """Counts how often the lease is read."""

    def __init__(self) -> None:
        self.number = 0

    async def request(self, call: Call, forward: Forward) -> Reply:
        self.number += call.request.method == "GET" and target(call).resource == LEASES.plural
        return await forward()


@dataclass(eq=False)
class Replica:
    """One process.

    Attributes:
        process: it.
        wire: the proxy it goes through.
        trace: its writes.
        looks: how often it read the lease.
    """

    process: Process
    wire: Proxy
    trace: Trace
    looks: Looks

    def wrote(self, since: float = 0.0) -> list[Write]:
        """Its writes from a moment on, the lease's apart."""
        return [write for write in self.trace.writes if write.resource != LEASES.plural and write.at >= since]

    def accepted(self, since: float = 0.0) -> list[Write]:
        """Those of them that the API server carried out."""
        return [write for write in self.wrote(since) if write.code is not None and write.code < 300]

    def stop(self) -> None:
        """SIGSTOP."""
        self.process.child.send_signal(signal.SIGSTOP)

    def wake(self) -> float:
        """SIGCONT; returns the moment."""
        now = time.monotonic()
        self.process.child.send_signal(signal.SIGCONT)
        return now

    async def terminate(self) -> None:
        """SIGTERM, and see it end in order."""
        self.process.child.terminate()
        assert await self.process.ends(within=PATIENCE) == 0


class Replicas(Workshop):
    """A namespace with the lease, the processes, and the work."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        cluster: Cluster,
        folder: Path,
        stack: AsyncExitStack,
        recorder: Recorder,
    ) -> None:
        super().__init__(client, namespace)
        self.run_for = 0.0
        self._cluster = cluster
        self._folder = folder
        self._stack = stack
        self._recorder = recorder
        self._all: list[Replica] = []

    def behave(self, pod: Manifest) -> Behaviour:
        """Jobs' pods run for `run_for` seconds and succeed."""
        behaviour = of_jobs_succeed(pod)
        return behaviour if behaviour.run_for is None else Behaviour(run_for=self.run_for)

    async def start(self, pod: str | None = None) -> Replica:
        """Start a process, in a pod of this name where one is given; it need not be ready yet."""
        wire = await self._stack.enter_async_context(proxy(load_config(self._cluster.kubeconfig)))
        trace = Trace()
        looks = Looks()
        wire.interceptors += [trace, looks]
        number = len(self._all) + 1
        process = await self._stack.enter_async_context(
            operator_process(
                kubeconfig_through(wire, self._folder / f"kubeconfig-{number}"),
                self._folder / f"operator-{number}.log",
                *("--namespace", self.namespace, "--leader-elect-namespace", self.namespace),
                pod=pod,
            )
        )
        replica = Replica(process, wire, trace, looks)
        self._all.append(replica)
        return replica

    async def two(self) -> tuple[Replica, Replica]:
        """A leader and a follower, both ready."""
        leader = await self.start()
        await eventually(leader.process.leads, within=PATIENCE)
        follower = await self.start()
        for replica in (leader, follower):
            await eventually(replica.process.ready, within=PATIENCE)
        return leader, follower

    async def make_pod(self, name: str) -> None:
        """A pod that stands for one of the operator's."""
        pod = PODS.manifest(name=name, namespace=self.namespace)
        pod["spec"] = {"containers": [{"name": "main", "image": "example.test/operator:1"}]}
        await self.client.create(PODS, pod)

    async def remove_pod(self, name: str) -> None:
        await self.client.delete(PODS, namespace=self.namespace, name=name)

    async def lease(self) -> LeaseRecord:
        record = await read_lease(self.client, namespace=self.namespace, name=LEASE_NAME)
        assert record is not None
        return record

    # -- work ------------------------------------------------------------------------------

    async def train(self, name: str) -> Manifest:
        return await self.create(TRAINING_JOBS, name, {"image": "example.test/train:1"})

    async def child(self, parent: Manifest, *, within: float = PATIENCE) -> None:
        """Wait until an object has its child."""

        async def has() -> bool:
            return parent["metadata"]["uid"] in await self.children()

        await eventually(has, within=within)

    async def children(self) -> Counter[str]:
        """How many Jobs each parent has, by its UID."""
        owners = [job["metadata"]["ownerReferences"][0]["uid"] for job in await self.all(JOBS)]
        return Counter(owners)

    async def load(self, prefix: str, number: int, *, every: float) -> list[Manifest]:
        """Create so many TrainingJobs, one every so many seconds."""
        made = []
        for count in range(number):
            made.append(await self.train(f"{prefix}-{count}"))
            await asyncio.sleep(every)
        return made

    async def finished(self, made: list[Manifest]) -> None:
        """Wait until all have succeeded; nothing was lost, doubled or otherwise wrong on the way."""
        names = {obj["metadata"]["name"] for obj in made}

        async def unfinished() -> set[str]:
            found = {
                obj["metadata"]["name"]
                for obj in await self.all(TRAINING_JOBS)
                if (obj.get("status") or {}).get("phase") == "Succeeded"
            }
            return names - found

        await eventually(unfinished, lambda left: not left, within=PATIENCE, every=0.2)
        children = await self.children()
        assert {children[obj["metadata"]["uid"]] for obj in made} == {1}
        self.lawful()

    def lawful(self) -> None:
        """No invariant was broken so far, and no Job was made twice.

        Raises:
            AssertionError: says which.
        """
        self._recorder.check()
        changes = self._recorder.changes(self.namespace)
        assert changes, "nothing was recorded"
        writes = sorted((write for one in self._all for write in one.trace.writes), key=lambda write: write.at)
        assert not violations(History(changes, [write for write in writes if write.resource != LEASES.plural]))
        born = Counter(
            change.object["metadata"]["ownerReferences"][0]["uid"]
            for change in changes
            if change.resource == JOBS and change.type == "ADDED"
        )
        assert max(born.values(), default=0) <= 1, born
