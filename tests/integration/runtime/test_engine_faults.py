# SPDX-License-Identifier: Apache-2.0
"""Faults between the operator and a real API server: afterwards the cluster matches, and nothing was made twice."""

import asyncio

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS
from tests.harness.audit import AuditLog, select
from tests.harness.gadgets import CONFIG_MAPS, DEFINITION, GADGETS, LABEL, GadgetController, gadget
from tests.harness.proxy import Fault, Proxy, watches, writes
from tests.harness.stub_server import Answer, failure, status, stream
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import Operator, gadgets_known

pytestmark = pytest.mark.usefixtures("gadgets")

NUMBER = 5


class Scene:
    """Some gadgets of one namespace, and a proxy between them and the operator."""

    def __init__(self, client: Client, namespace: str, proxy: Proxy, audit_log: AuditLog) -> None:
        self.client = client
        self.namespace = namespace
        self.proxy = proxy
        self.audit_log = audit_log

    async def create(self) -> None:
        for number in range(NUMBER):
            await self.client.create(GADGETS, gadget(f"g{number}", self.namespace, text="one"))

    async def change(self, text: str) -> None:
        for number in range(NUMBER):
            name = f"g{number}"
            await self.client.merge_patch(GADGETS, namespace=self.namespace, name=name, body={"spec": {"text": text}})

    async def settled(self, text: str) -> None:
        """Waits until every gadget has one child and one status, both with this text."""
        await eventually(self._texts, lambda found: found == ([text] * NUMBER, [text] * NUMBER), within=30)

    async def calm(self) -> None:
        """Nothing is written any more."""
        await asyncio.sleep(0.3)
        self.audit_log.skip()
        await asyncio.sleep(0.5)
        assert not select(self.audit_log.read(), namespace=self.namespace, writes=True)

    async def _texts(self) -> tuple[list[str], list[str]]:
        gadgets = (await self.client.list(GADGETS, namespace=self.namespace)).items
        children = (await self.client.list(CONFIG_MAPS, namespace=self.namespace, label_selector=LABEL)).items
        return (
            [obj.get("status", {}).get("text", "") for obj in gadgets],
            [child["data"]["text"] for child in children],
        )


@pytest.fixture
def scene(client: Client, namespace: str, faulty: Proxy, audit_log: AuditLog) -> Scene:
    return Scene(client, namespace, faulty, audit_log)


@pytest.mark.parametrize(
    "answer",
    [
        failure(500),
        failure(503),
        failure(504),
        failure(429, retryAfterSeconds=1),
        failure(429),
        failure(409, "Conflict"),
    ],
    ids=["500", "503", "504", "429 with patience", "429", "409"],
)
async def test_writes_that_are_refused_for_a_while(scene: Scene, operator: Operator, answer: Answer) -> None:
    async with operator(through=scene.proxy):
        fault = scene.proxy.inject(Fault(writes, answer, times=3 * NUMBER))
        await scene.create()
        await scene.settled("one")
        assert fault.happened == 3 * NUMBER
        await scene.calm()


async def test_writes_whose_reply_is_lost_are_not_done_twice(scene: Scene, operator: Operator) -> None:
    async with operator(through=scene.proxy):
        scene.audit_log.skip()
        fault = scene.proxy.inject(Fault(writes, forwarded=True, times=2 * NUMBER))
        await scene.create()
        await scene.settled("one")
        assert fault.happened == 2 * NUMBER
        await asyncio.sleep(0.3)
        counts = select(scene.audit_log.read(), namespace=scene.namespace, writes=True)
        made = sum(number for request, number in counts.items() if (request.verb, request.code) == ("create", 201))
        assert made == NUMBER
        await scene.calm()


@pytest.mark.parametrize(
    "answer",
    [
        stream({"type": "ERROR", "object": status(410, "Expired")}),
        stream({"type": "ERROR", "object": status(500, "InternalError")}),
        stream({"type": "ERROR", "object": status(429, "TooManyRequests")}),
        stream({"type": "ERROR", "object": status(403, "Forbidden")}),
        stream(b'{"type": "ADDED", "obje'),
        stream(b"rubbish\n"),
        stream(then="cut"),
        stream(),
        failure(404, "NotFound"),
        failure(403, "Forbidden"),
        failure(500),
        failure(504),
        failure(410, "Expired"),
    ],
    ids=[
        "ERROR 410", "ERROR 500", "ERROR 429", "ERROR 403", "half a line", "rubbish", "cut", "quiet end",
        "404", "403", "500", "504", "410",
    ],
)  # fmt: skip
async def test_watches_that_end_badly(scene: Scene, operator: Operator, answer: Answer) -> None:
    async with operator(through=scene.proxy):
        await scene.create()
        await scene.settled("one")
        fault = scene.proxy.inject(Fault(watches, answer, times=4))
        assert scene.proxy.cut_watches() >= 2, "kopf's watch and that of the children"
        await scene.change("two")
        await scene.settled("two")
        await eventually(lambda: count(fault), lambda happened: happened >= 4, within=20)
        await scene.change("three")
        await scene.settled("three")


async def count(fault: Fault) -> int:
    return fault.happened


async def test_what_vanished_while_no_watch_looked_is_forgotten(scene: Scene, operator: Operator) -> None:
    async with operator(through=scene.proxy) as manager:
        await scene.create()
        await scene.settled("one")
        down = scene.proxy.inject(Fault(lambda request: True, failure(503), times=None))
        scene.proxy.cut_watches()
        await scene.client.delete(GADGETS, namespace=scene.namespace, name="g0")
        await eventually(lambda: count(down), lambda happened: happened >= 3, within=20)
        # When it is well again, the watches find that the past is forgotten.
        scene.proxy.heal()
        scene.proxy.inject(Fault(watches, failure(410, "Expired"), times=3))

        async def cached() -> int:
            return len(manager.cache.store(GADGETS))

        await eventually(cached, lambda number: number == NUMBER - 1, within=30)


async def test_an_api_server_that_is_away_for_a_while(scene: Scene, operator: Operator) -> None:
    async with operator(through=scene.proxy) as manager:
        away = scene.proxy.inject(Fault(lambda request: True, times=None))
        scene.proxy.cut_watches()
        await scene.create()
        await eventually(lambda: count(away), lambda happened: happened >= 10, within=30)
        scene.proxy.heal()
        await scene.settled("one")
        assert manager.ready
        await scene.calm()


async def test_a_restart_into_an_api_server_that_answers_nothing_at_first(scene: Scene, operator: Operator) -> None:
    await scene.create()
    scene.proxy.inject(Fault(lambda request: True, times=12))
    async with operator(through=scene.proxy):
        await scene.settled("one")


async def test_a_kind_that_is_missing_at_first_is_waited_for(scene: Scene, operator: Operator) -> None:
    await scene.client.delete(CUSTOM_RESOURCE_DEFINITIONS, namespace=None, name=DEFINITION["metadata"]["name"])
    await eventually(lambda: gadgets_known(scene.client), lambda known: not known, within=20)
    async with operator(wait=False) as manager:
        await asyncio.sleep(1)
        assert not manager.ready
        await eventually(lambda: installed(scene.client), within=20)
        await eventually(lambda: gadgets_known(scene.client), within=20)
        await scene.create()
        await scene.settled("one")
        assert manager.ready


async def installed(client: Client) -> bool:
    try:
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    except Exception:
        return False
    return True


async def test_an_object_deleted_and_made_again_under_its_name_gets_a_child_of_its_own(
    client: Client, namespace: str, operator: Operator
) -> None:
    async def children() -> list[Manifest]:
        return (await client.list(CONFIG_MAPS, namespace=namespace, label_selector=LABEL)).items

    async with operator():
        uids = set()
        for turn in range(5):
            await client.create(GADGETS, gadget("same", namespace, text=str(turn)))
            obj = await eventually(
                lambda: client.get(GADGETS, namespace=namespace, name="same"),
                lambda found, turn=turn: found.get("status", {}).get("text") == str(turn),  # type: ignore[misc]
            )
            uids.add(obj["metadata"]["uid"])
            await client.delete(GADGETS, namespace=namespace, name="same")
        left = await children()  # the garbage collector may not have come round yet
        assert {child["metadata"]["ownerReferences"][0]["uid"] for child in left} <= uids
        assert len({child["metadata"]["name"] for child in left}) == len(left)


async def test_a_controller_that_fails_for_one_object_serves_the_others(
    client: Client, namespace: str, operator: Operator
) -> None:
    class Fragile(GadgetController):
        def child(self, obj: Manifest) -> Manifest:
            if obj["spec"]["text"] == "poison":
                raise ValueError("cannot plan for this")
            return super().child(obj)

    async with operator(Fragile()):
        await client.create(GADGETS, gadget("bad", namespace, text="poison"))
        await client.create(GADGETS, gadget("good", namespace, text="x"))
        await eventually(
            lambda: client.get(GADGETS, namespace=namespace, name="good"),
            lambda found: found.get("status", {}).get("text") == "x",
        )
        with pytest.raises(NotFound):
            await client.get(CONFIG_MAPS, namespace=namespace, name="bad")
