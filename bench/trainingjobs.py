"""One scenario: TrainingJobs created at a rate or all at once, completed by a fake kubelet."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any, Final

from bench.process import OperatorProcess
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS, Resource
from mlops_operator.kube.watch import watch
from tests.harness.audit import AuditLog, Request, select
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet

NAMESPACE: Final = "bench"
SETTLE_SECONDS: Final = 3.0
"""Silence after the last completion: what the operator still does then would be a write too many."""


@dataclass(frozen=True)
class Outcome:
    """Figures of one run, per object where the name says so.

    Latencies are milliseconds on the harness's own watches; memory is KiB; CPU is milliseconds.
    """

    objects: int
    rate_per_second: float
    seconds: float
    writes_per_object: float
    reads_per_object: float
    refused: int
    cpu_ms_per_object: float
    memory_kib_per_object: float
    base_memory_mib: float
    ready_seconds: float
    create_to_child_p50_ms: float
    create_to_child_p99_ms: float

    def to_json(self) -> dict[str, Any]:
        """As plain numbers."""
        return asdict(self)


def training_job(number: int) -> Manifest:
    """A small TrainingJob that registers nothing."""
    return {
        "apiVersion": TRAINING_JOBS.api_version,
        "kind": "TrainingJob",
        "metadata": {"name": f"job-{number:05d}", "namespace": NAMESPACE},
        "spec": {"image": "localhost/none:1", "command": ["true"], "parameters": {"lr": 0.001, "epochs": 3}},
    }


async def measure(objects: int, rate: float) -> Outcome:
    """Run the scenario on a control plane of its own.

    Args:
        objects: how many TrainingJobs.
        rate: creations a second; 0 for all at once.
    """
    with own_cluster("bench") as cluster:
        async with Client(load_config(cluster.kubeconfig), user_agent="bench") as client:
            await install_crds(client)
            namespaces = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
            await client.create(namespaces, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
            audit = AuditLog(cluster.audit_log)
            kubelet_client = Client(load_config(cluster.kubeconfig), user_agent="fake-kubelet")
            with OperatorProcess(cluster.kubeconfig) as operator:
                async with (
                    kubelet_client,
                    FakeKubelet(kubelet_client, lambda _: Behaviour(start_after=0.2, run_for=1.5)),
                ):
                    return await _run(client, audit, operator, objects, rate)


async def _run(client: Client, audit: AuditLog, operator: OperatorProcess, objects: int, rate: float) -> Outcome:
    await asyncio.sleep(SETTLE_SECONDS)
    audit.skip()
    before = operator.usage()
    born: dict[str, float] = {}
    latencies: dict[str, float] = {}
    children = asyncio.create_task(_children(client, born, latencies))
    done = asyncio.create_task(_completions(client, objects))
    await asyncio.sleep(0.5)  # both watches are open
    started = time.monotonic()
    await _create(client, objects, rate, born)
    await asyncio.wait_for(done, timeout=60 + objects)
    seconds = time.monotonic() - started
    await asyncio.sleep(SETTLE_SECONDS)
    children.cancel()
    after = operator.usage()
    counts = select(audit.read())
    ordered = sorted(latencies.values())
    return Outcome(
        objects=objects,
        rate_per_second=rate,
        seconds=round(seconds, 2),
        writes_per_object=_per(counts, objects, writes=True),
        reads_per_object=_per(counts, objects, writes=False),
        refused=sum(number for request, number in counts.items() if request.code >= 400),
        cpu_ms_per_object=round((after.cpu_seconds - before.cpu_seconds) * 1000 / objects, 2),
        memory_kib_per_object=round((after.resident_bytes - before.resident_bytes) / 1024 / objects, 2),
        base_memory_mib=round(before.resident_bytes / 2**20, 1),
        ready_seconds=round(operator.ready_after, 2),
        create_to_child_p50_ms=round(statistics.median(ordered) * 1000, 1),
        create_to_child_p99_ms=round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
    )


async def _create(client: Client, objects: int, rate: float, born: dict[str, float]) -> None:
    started = time.monotonic()

    async def one(number: int) -> None:
        if rate:
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        manifest = training_job(number)
        born[manifest["metadata"]["name"]] = time.monotonic()
        await client.create(TRAINING_JOBS, manifest)

    await asyncio.gather(*(one(number) for number in range(objects)))


async def _children(client: Client, born: dict[str, float], latencies: dict[str, float]) -> None:
    async for job in _changes(client, JOBS):
        owners = job["metadata"].get("ownerReferences") or [{"name": ""}]
        name = owners[0]["name"]
        if name in born and name not in latencies:
            latencies[name] = time.monotonic() - born[name]


async def _completions(client: Client, objects: int) -> None:
    finished: set[str] = set()
    async for job in _changes(client, TRAINING_JOBS):
        phase = (job.get("status") or {}).get("phase")
        if phase == "Failed":
            raise RuntimeError(f"{job['metadata']['name']} failed: {job['status']}")
        if phase == "Succeeded":
            finished.add(job["metadata"]["name"])
            if len(finished) == objects:
                return


async def _changes(client: Client, resource: Resource) -> AsyncIterator[Manifest]:
    """Objects as they are and as they change, over as many watches as it takes."""
    while True:
        stream = watch(client, resource, namespace=NAMESPACE, resource_version="0")
        async with aclosing(stream):
            async for event in stream:
                yield event.object


def _per(counts: Counter[Request], objects: int, *, writes: bool) -> float:
    """Requests per object; watches are amortised and not counted."""
    total = sum(number for request, number in counts.items() if request.is_write is writes and request.verb != "watch")
    return round(total / objects, 3)
