# SPDX-License-Identifier: Apache-2.0
"""An object whose plan raises says so on the API server, and recovers when it is changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import EVENTS
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import Plan, Read
from tests.harness.gadgets import GADGETS, GadgetController, gadget
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import Operator

pytestmark = pytest.mark.usefixtures("gadgets")

SECRET = "hunter2"


class Brittle(GadgetController):
    """Fails for every Gadget whose text is `bad`."""

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        if obj["spec"]["text"] == "bad":
            raise RecursionError(SECRET)
        return super().plan(obj, world, reads, now)


async def conditions(client: Client, namespace: str, name: str) -> dict[str, tuple[str, str]]:
    found = await client.get(GADGETS, namespace=namespace, name=name)
    entries = (found.get("status") or {}).get("conditions") or ()
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in entries}


async def test_an_object_whose_plan_raises_is_stalled_until_it_is_changed(
    client: Client, namespace: str, operator: Operator
) -> None:
    async with operator(Brittle()):
        await client.create(GADGETS, gadget("one", namespace, text="bad"))
        await client.create(GADGETS, gadget("two", namespace, text="fine"))
        found = await eventually(
            lambda: conditions(client, namespace, "one"), lambda told: "Stalled" in told, within=20
        )
        assert found["Stalled"] == ("True", "InternalError")
        assert found["Ready"] == ("False", "InternalError")
        stored = await client.get(GADGETS, namespace=namespace, name="one")
        assert "RecursionError" in str(stored["status"])
        assert SECRET not in str(stored["status"])
        events = (await client.list(EVENTS, namespace=namespace)).items
        told = [entry for entry in events if entry["reason"] == "InternalError"]
        assert [entry["regarding"]["name"] for entry in told] == ["one"]
        assert SECRET not in str(told)

        await client.merge_patch(GADGETS, namespace=namespace, name="one", body={"spec": {"text": "good"}})
        await eventually(lambda: conditions(client, namespace, "one"), lambda told: not told, within=20)
        recovered = await client.get(GADGETS, namespace=namespace, name="one")
        assert recovered["status"]["text"] == "good"
        assert await conditions(client, namespace, "two") == {}
