# SPDX-License-Identifier: Apache-2.0
"""One tenant's load does not delay another tenant, and does not end the leader: counted on a real API server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.leases import LeaseRecord, read_lease
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.manager import Manager, Options
from mlops_operator.runtime.work.controller import Controller
from mlops_operator.runtime.work.plan import Plan, Read
from mlops_operator.runtime.work.queue import MOST_AHEAD, Priority, WorkQueue
from tests.harness.crds import install_crds
from tests.harness.namespaces import NAMESPACES, make_namespace
from tests.harness.waiting import eventually

N = 1000
PLANS = 6
"""Plans of one object of the flood in all, whatever the others do; see tests/unit/controllers/test_cost.py. One more
than there: an object may be created before its Model is in the cache."""

LEASE = "flood"
SETTINGS = Settings()
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")


class Counted:
    """A controller whose plans are counted, by namespace."""

    def __init__(self, controller: Controller, plans: Counter[str]) -> None:
        self._controller = controller
        self._plans = plans
        self.resource = controller.resource
        self.watches = controller.watches
        self.indexes = controller.indexes
        self.rules = controller.rules
        self.reads = controller.reads
        self.rejected = controller.rejected

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        self._plans[obj["metadata"]["namespace"]] += 1
        return self._controller.plan(obj, world, reads, now)


class Ahead:
    """Counts the keys of other namespaces that are taken, while keys of one namespace wait, before one of these is.

    Attributes:
        most: the greatest count so far.
    """

    def __init__(self, queue: WorkQueue, namespace: str) -> None:
        self.most = 0
        self._namespace = namespace
        self._waiting: set[Key] = set()
        self._count = 0
        self._working = queue._working
        self._add, self._poll = queue.add, queue.poll
        queue.add = self.add  # type: ignore[method-assign]
        queue.poll = self.poll  # type: ignore[method-assign]

    def add(self, key: Key, priority: Priority = Priority.NORMAL) -> None:
        # A key that is at work does not wait: it is added once more when the work is done.
        if key.namespace == self._namespace and key not in self._working:
            self._waiting.add(key)
        self._add(key, priority)

    def poll(self) -> Key | None:
        key = self._poll()
        if key is None:
            return None
        if key.namespace == self._namespace:
            self._waiting.discard(key)
            self._count = 0
        elif self._waiting:
            self._count += 1
            self.most = max(self.most, self._count)
        return key


class Scene:
    """An operator with an election that serves two tenants."""

    def __init__(self, client: Client, flood: str, other: str, manager: Manager, plans: Counter[str]) -> None:
        self.client = client
        self.flood = flood
        self.other = other
        self.plans = plans
        self.ahead = [Ahead(part.queue, other) for part in manager._reconcilers.values()]

    async def create(self, resource: Resource, name: str, namespace: str, spec: Manifest) -> None:
        manifest = resource.manifest(name=name, namespace=namespace)
        await self.client.create(resource, {**manifest, "spec": spec})

    async def lease(self) -> LeaseRecord:
        record = await read_lease(self.client, namespace=self.other, name=LEASE)
        assert record is not None
        return record


@pytest.fixture
async def other(client: Client, namespace: str) -> AsyncIterator[str]:
    name = f"{namespace}-other"
    await make_namespace(client, name)
    yield name
    await client.delete(NAMESPACES, namespace=None, name=name)


@pytest.fixture
async def scene(control_plane: Cluster, client: Client, namespace: str, other: str) -> AsyncIterator[Scene]:
    await install_crds(client)
    plans: Counter[str] = Counter()
    kinds = (ModelController(SETTINGS), ModelVersionController(SETTINGS), PromotionController(SETTINGS))
    options = Options(
        namespaces=(namespace, other),
        lease_namespace=other,
        lease_name=LEASE,
        identity="leader_1",
        metrics_address="127.0.0.1:0",
    )
    manager = Manager(load_config(control_plane.kubeconfig), [Counted(kind, plans) for kind in kinds], options)
    running = asyncio.create_task(manager.run(), name="operator")
    await eventually(lambda: _ready(manager), within=60)
    yield Scene(client, namespace, other, manager, plans)
    manager.stop()
    async with asyncio.timeout(60):
        await running


async def _ready(manager: Manager) -> bool:
    return manager.ready


async def _decided(scene: Scene, name: str) -> Manifest:
    found = await scene.client.get(PROMOTIONS, namespace=scene.other, name=name)
    status: Manifest = found.get("status") or {}
    return status


async def _phases(scene: Scene) -> Counter[str]:
    listing = await scene.client.list(PROMOTIONS, namespace=scene.flood)
    return Counter((entry.get("status") or {}).get("phase", "") for entry in listing.items)


async def flood(scene: Scene, make: Callable[[int], Awaitable[None]]) -> None:
    """N objects of one tenant, 16 requests at a time; the other tenant creates a Promotion after every 96."""
    for count in range(0, N, 16):
        await asyncio.gather(*(make(number) for number in range(count, min(N, count + 16))))
        if count % 96 == 0:
            spec = {"model": "m", "alias": "champion", "version": "missing"}
            await scene.create(PROMOTIONS, f"p-{count}", scene.other, spec)


async def served(scene: Scene) -> None:
    """Every Promotion of the other tenant has a status."""
    for count in range(0, N, 96):
        await eventually(partial(_decided, scene, f"p-{count}"), lambda status: "phase" in status, within=120)


@pytest.mark.parametrize("declared", [False, True], ids=["no such alias", "an alias"])
async def test_a_thousand_promotions_of_one_alias(scene: Scene, declared: bool) -> None:
    for namespace, aliases in ((scene.flood, [{"name": "champion"}] if declared else []), (scene.other, [])):
        await scene.create(MODELS, "m", namespace, {"aliases": aliases})
    before = await scene.lease()

    async def promotion(count: int) -> None:
        spec = {"model": "m", "alias": "champion", "version": f"v{count}"}
        await scene.create(PROMOTIONS, f"p{count:04}", scene.flood, spec)

    await flood(scene, promotion)
    await served(scene)
    expected = Counter({"Superseded": N - 1, "Pending": 1}) if declared else Counter({"Pending": N})
    await eventually(lambda: _phases(scene), lambda phases: phases == expected, within=240)
    assert scene.plans[scene.flood] <= PLANS * N
    assert max(ahead.most for ahead in scene.ahead) <= MOST_AHEAD
    after = await scene.lease()
    assert (after.holder, after.transitions) == (before.holder, before.transitions)


async def test_a_model_with_a_thousand_versions(scene: Scene) -> None:
    await scene.create(MODELS, "m", scene.flood, {"aliases": [{"name": "champion"}]})
    await scene.create(MODELS, "m", scene.other, {})
    # Their verifications are not what is tested: a quota refuses the Jobs.
    quota = QUOTAS.manifest(name="no-jobs", namespace=scene.flood)
    await scene.client.create(QUOTAS, {**quota, "spec": {"hard": {"count/jobs.batch": "0"}}})
    before = await scene.lease()

    async def version(count: int) -> None:
        artifact = {"uri": f"pvc://store/{count}.joblib", "digest": f"sha256:{count:064x}", "format": "sklearn"}
        await scene.create(MODEL_VERSIONS, f"v{count:04}", scene.flood, {"model": "m", "artifact": artifact})

    await flood(scene, version)
    await served(scene)
    assert scene.plans[scene.flood] <= 2 * PLANS * N

    async def numbers() -> int:
        found = await scene.client.get(MODELS, namespace=scene.flood, name="m")
        return len((found.get("status") or {}).get("versions") or ())

    await eventually(numbers, lambda count: count == 500, within=240)
    assert max(ahead.most for ahead in scene.ahead) <= MOST_AHEAD
    after = await scene.lease()
    assert (after.holder, after.transitions) == (before.holder, before.transitions)
