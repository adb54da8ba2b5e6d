# SPDX-License-Identifier: Apache-2.0
"""The engine as a whole, with a small kind, on a real API server."""

import asyncio

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import EVENTS
from tests.harness.audit import AuditLog, select
from tests.harness.gadgets import CONFIG_MAPS, GADGETS, LABEL, GadgetController, child_name, gadget
from tests.harness.namespaces import NAMESPACES
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import Operator

pytestmark = pytest.mark.usefixtures("gadgets")


async def settled(client: Client, namespace: str, name: str, text: str) -> Manifest:
    """The gadget, as soon as its status says that `text` is there."""
    return await eventually(
        lambda: client.get(GADGETS, namespace=namespace, name=name),
        lambda found: found.get("status", {}).get("text") == text,
    )


async def child_text(client: Client, namespace: str, obj: Manifest) -> str | None:
    try:
        child = await client.get(CONFIG_MAPS, namespace=namespace, name=child_name(obj))
    except NotFound:
        return None
    text: str = child["data"]["text"]
    return text


async def test_a_new_object_gets_its_child_and_its_status(client: Client, namespace: str, operator: Operator) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="hello"))
        obj = await settled(client, namespace, "one", "hello")
        assert await child_text(client, namespace, obj) == "hello"
        assert obj["status"]["observedGeneration"] == 1


async def test_two_writes_and_no_read_for_an_object(
    client: Client, namespace: str, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        audit_log.skip()
        for number in range(20):
            await client.create(GADGETS, gadget(f"g{number}", namespace, text="x"))
        for number in range(20):
            await settled(client, namespace, f"g{number}", "x")
        await asyncio.sleep(0.3)
        counts = select(audit_log.read(), namespace=namespace)
    assert {(r.verb, r.resource, r.subresource, r.code): n for r, n in counts.items()} == {
        ("create", "configmaps", "", 201): 20,
        ("patch", "gadgets", "status", 200): 20,
    }


async def test_a_change_of_the_spec_reaches_the_child(client: Client, namespace: str, operator: Operator) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="old"))
        await settled(client, namespace, "one", "old")
        await client.merge_patch(GADGETS, namespace=namespace, name="one", body={"spec": {"text": "new"}})
        obj = await settled(client, namespace, "one", "new")
        assert await child_text(client, namespace, obj) == "new"


async def test_a_child_changed_by_hand_is_mended(client: Client, namespace: str, operator: Operator) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="right"))
        obj = await settled(client, namespace, "one", "right")
        name = child_name(obj)
        await client.merge_patch(CONFIG_MAPS, namespace=namespace, name=name, body={"data": {"text": "wrong"}})
        await eventually(lambda: child_text(client, namespace, obj), lambda text: text == "right")


async def test_a_child_deleted_by_hand_is_made_again(client: Client, namespace: str, operator: Operator) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="here"))
        obj = await settled(client, namespace, "one", "here")
        await client.delete(CONFIG_MAPS, namespace=namespace, name=child_name(obj))
        await eventually(lambda: child_text(client, namespace, obj), lambda text: text == "here")


async def test_a_child_whose_label_was_taken_is_found_again(client: Client, namespace: str, operator: Operator) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="here"))
        obj = await settled(client, namespace, "one", "here")
        name = child_name(obj)
        await client.merge_patch(
            CONFIG_MAPS, namespace=namespace, name=name, body={"metadata": {"labels": {LABEL: None}}}
        )
        await eventually(
            lambda: client.get(CONFIG_MAPS, namespace=namespace, name=name),
            lambda found: found["metadata"].get("labels", {}).get(LABEL) == "one",
        )


async def test_a_name_that_somebody_else_has_is_a_rejection(client: Client, namespace: str, operator: Operator) -> None:
    created = await client.create(GADGETS, gadget("one", namespace, text="x"))
    squatter = CONFIG_MAPS.manifest(name=child_name(created), namespace=namespace)
    await client.create(CONFIG_MAPS, squatter)
    async with operator():
        await eventually(
            lambda: client.get(GADGETS, namespace=namespace, name="one"),
            lambda found: found.get("status", {}).get("refused") == "NameTaken",
        )


async def test_a_child_the_api_server_refuses_is_a_rejection_and_a_right_spec_mends_it(
    client: Client, namespace: str, operator: Operator
) -> None:
    async with operator():
        await client.create(GADGETS, gadget("one", namespace, text="x", labels={"bad label!": "x"}))
        await eventually(
            lambda: client.get(GADGETS, namespace=namespace, name="one"),
            lambda found: found.get("status", {}).get("refused") == "Invalid",
        )
        await client.merge_patch(GADGETS, namespace=namespace, name="one", body={"spec": {"labels": None}})
        await settled(client, namespace, "one", "x")


async def test_a_restart_writes_nothing(
    client: Client, namespace: str, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        for number in range(10):
            await client.create(GADGETS, gadget(f"g{number}", namespace, text="x"))
        for number in range(10):
            await settled(client, namespace, f"g{number}", "x")
    audit_log.skip()
    controller = GadgetController()
    async with operator(controller):
        await eventually(lambda: planned(controller), lambda names: len(names) == 10)
        await asyncio.sleep(0.3)
    assert not select(audit_log.read(), namespace=namespace, writes=True)


async def planned(controller: GadgetController) -> dict[str, int]:
    return controller.plans


async def test_a_deleted_object_is_forgotten(client: Client, namespace: str, operator: Operator) -> None:
    async with operator() as manager:
        await client.create(GADGETS, gadget("one", namespace, text="x"))
        await settled(client, namespace, "one", "x")
        await client.delete(GADGETS, namespace=namespace, name="one")

        async def cached() -> int:
            return len(manager.cache.store(GADGETS))

        await eventually(cached, lambda count: count == 0)


async def test_without_namespaces_all_are_served(client: Client, namespace: str, operator: Operator) -> None:
    async with operator(namespaces=()):
        await client.create(GADGETS, gadget("one", namespace, text="x"))
        obj = await settled(client, namespace, "one", "x")
        assert await child_text(client, namespace, obj) == "x"


async def test_other_namespaces_are_left_alone(client: Client, namespace: str, operator: Operator) -> None:
    controller = GadgetController()
    async with operator(controller, namespaces=("default",)):
        await client.create(GADGETS, gadget("one", namespace, text="x"))
        await asyncio.sleep(0.3)
    assert controller.plans == {}


async def test_an_event_follows_the_status(client: Client, namespace: str, operator: Operator) -> None:
    async with operator(GadgetController(events=True)):
        await client.create(GADGETS, gadget("one", namespace, text="x"))
        listing = await eventually(lambda: client.list(EVENTS, namespace=namespace), lambda found: bool(found.items))
        event = listing.items[0]
        assert event["regarding"]["name"] == "one"
        assert (event["reason"], event["note"], event["action"]) == ("Made", "made one", "Make")
        obj = await client.get(GADGETS, namespace=namespace, name="one")
        assert obj["status"]["text"] == "x"


async def test_an_appointment_is_kept(client: Client, namespace: str, operator: Operator) -> None:
    controller = GadgetController()
    async with operator(controller):
        await client.create(GADGETS, gadget("one", namespace, text="x", every=0.1))
        await eventually(lambda: planned(controller), lambda plans: plans.get("one", 0) >= 6)


async def test_work_goes_on_in_a_namespace_beside_one_that_is_ending(
    client: Client, namespace: str, operator: Operator
) -> None:
    held = gadget("held", namespace, text="x")
    held["metadata"]["finalizers"] = ["gadgets.example.com/hold"]
    await client.create(GADGETS, held)
    await client.delete(NAMESPACES, namespace=None, name=namespace)
    controller = GadgetController()
    async with operator(controller):
        await asyncio.sleep(0.5)
    assert controller.plans.get("held", 0) <= 2
    await client.merge_patch(GADGETS, namespace=namespace, name="held", body={"metadata": {"finalizers": None}})
