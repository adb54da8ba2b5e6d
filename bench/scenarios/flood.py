# SPDX-License-Identifier: Apache-2.0
"""B11: one tenant creates a thousand objects that concern each other; another tenant's objects meanwhile."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Figures, quantile
from bench.loader import NAME, Step
from bench.operators import Operator
from bench.scenarios.common import Rows, Trial, play
from bench.stage import Stage
from bench.systems import NAMESPACE, OPERATOR_NAMESPACE
from bench.workload import names
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.leases import read_lease
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from mlops_operator.kube.watch import watch
from mlops_operator.runtime.manager import LEASE_NAME
from tests.harness.namespaces import make_namespace
from tests.harness.waiting import eventually

OTHER = "other-tenant"
EVERY = 0.25
"""Seconds between two Promotions of the other tenant."""

GRACE = 120.0
"""Seconds for its last Promotion to get a status."""


@dataclass(frozen=True)
class Flood:
    """What the one tenant creates.

    Attributes:
        rests: whether the operator comes to rest afterwards: ModelVersions without their artifact are verified again.
    """

    row: str
    resource: Resource
    spec: Manifest
    rests: bool


def floods(size: int) -> Sequence[Flood]:
    """The two cases."""
    promotion = {"model": "m", "alias": "champion", "version": NAME}
    artifact = {"uri": f"pvc://store/{NAME}", "digest": f"sha256:{'0' * 64}", "format": "sklearn"}
    return (
        Flood(f"{size} Promotions of one alias", PROMOTIONS, promotion, True),
        Flood(f"{size} versions of one Model", MODEL_VERSIONS, {"model": "m", "artifact": artifact}, False),
    )


async def run(trial: Trial) -> Rows:
    """1,000 objects (60 when quick), each case on a control plane of its own."""
    size = trial.size(1000, 60)
    rows: Rows = {}
    for flood in floods(size):
        async with play(trial) as scene:
            await make_namespace(scene.client, OTHER)
            with scene.operator() as operator:
                await operator.ready()
                rows[flood.row] = await _measure(scene, operator, flood, size)
    return rows


async def _measure(scene: Stage, operator: Operator, flood: Flood, size: int) -> Figures:
    for namespace in (NAMESPACE, OTHER):
        spec = {"aliases": [{"name": "champion"}]}
        await scene.client.create(MODELS, {**MODELS.manifest(name="m", namespace=namespace), "spec": spec})
    before, cpu = await _lease(scene), operator.usage().cpu_seconds
    tenant = Tenant(scene)
    following = asyncio.create_task(tenant.follow())
    await tenant.following.wait()
    body = {**flood.resource.manifest(name=NAME, namespace=NAMESPACE), "spec": flood.spec}
    step = Step("POST", flood.resource.path(namespace=NAMESPACE), body)
    loading = asyncio.create_task(scene.load(names("flood", size), step))
    while not loading.done() or len(tenant.created) < 40:
        await tenant.create()
        await asyncio.sleep(EVERY)
    await loading
    await tenant.served(within=GRACE)
    if flood.rests:
        await scene.calm()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    return {
        "objects": size,
        "other_tenant_objects": len(tenant.latencies),
        "other_tenant_p50_seconds": quantile(tenant.latencies, 0.5),
        "other_tenant_p99_seconds": quantile(tenant.latencies, 0.99),
        "operator_cpu_ms_per_object": (operator.usage().cpu_seconds - cpu) * 1000 / size,
        "lease_transitions": await _lease(scene) - before,
    }


async def _lease(scene: Stage) -> int:
    record = await read_lease(scene.client, namespace=OPERATOR_NAMESPACE, name=LEASE_NAME)
    assert record is not None, "the operator leads before it is ready"
    return record.transitions


class Tenant:
    """The other tenant: creates Promotions and sees when each gets its first status."""

    def __init__(self, scene: Stage) -> None:
        self._scene = scene
        self.created: dict[str, float] = {}
        self.following = asyncio.Event()
        self._seen: dict[str, float] = {}

    @property
    def latencies(self) -> list[float]:
        """Seconds from each creation until its status was seen."""
        return [self._seen[name] - at for name, at in self.created.items() if name in self._seen]

    async def create(self) -> None:
        """One more Promotion, to a version that is not there."""
        name = f"p{len(self.created)}"
        spec = {"model": "m", "alias": "champion", "version": "missing"}
        self.created[name] = time.monotonic()
        await self._scene.client.create(PROMOTIONS, {**PROMOTIONS.manifest(name=name, namespace=OTHER), "spec": spec})

    async def follow(self) -> None:
        """Watch until cancelled."""
        async with Client(load_config(self._scene.cluster.kubeconfig), user_agent="bench-other") as client:
            version = (await client.list(PROMOTIONS, namespace=OTHER)).resource_version
            self.following.set()
            events = watch(client, PROMOTIONS, resource_version=version, namespace=OTHER)
            async for event in events:
                status = event.object.get("status") or {}
                if status.get("observedGeneration", -1) >= 0:
                    self._seen.setdefault(event.object["metadata"]["name"], time.monotonic())

    async def served(self, *, within: float) -> None:
        """Wait until every Promotion has a status.

        Raises:
            AssertionError: one has none.
        """

        async def missing() -> int:
            return len(self.created) - len(self.latencies)

        await eventually(missing, lambda count: count == 0, within=within)
