# SPDX-License-Identifier: Apache-2.0
"""An executor with a cache and a scripted server, and the objects that its tests write."""

from datetime import UTC, datetime
from typing import Any

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.work.executor import Executor
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch, Plan
from tests.harness.gadgets import CONFIG_MAPS, GADGETS, LABEL, GadgetController
from tests.harness.stub_server import StubServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = {"apiVersion": GADGETS.api_version, "kind": "Gadget", "name": "g", "uid": "gadget-uid", "controller": True}
CHILD_KEY = Key("ns", "child")


def gadget(version: int = 5, **status: Any) -> Manifest:
    metadata = {"name": "g", "namespace": "ns", "uid": "gadget-uid", "resourceVersion": str(version), "generation": 1}
    return {"apiVersion": GADGETS.api_version, "kind": "Gadget", "metadata": metadata, "spec": {}, "status": status}


def child(version: int = 0, *, uid: str = "child-uid", owner: Manifest | None = OWNER, **metadata: Any) -> Manifest:
    found: Manifest = CONFIG_MAPS.manifest(name="child", namespace="ns")
    found["metadata"] |= {"labels": {LABEL: "g"}, **metadata}
    if owner is not None:
        found["metadata"]["ownerReferences"] = [owner]
    if version:
        found["metadata"] |= {"uid": uid, "resourceVersion": str(version)}
    return found


CREATE = Create(resource=CONFIG_MAPS, manifest=child())
APPLY = Apply(resource=CONFIG_MAPS, manifest=child())
PATCH = Patch(
    resource=CONFIG_MAPS, namespace="ns", name="child", uid="child-uid", resource_version="6", body={"data": {"a": "b"}}
)
DELETE = Delete(resource=CONFIG_MAPS, namespace="ns", name="child", uid="child-uid", resource_version="6")


class World:
    """An executor, its cache, and the server it speaks to."""

    def __init__(self, server: StubServer, client: Client) -> None:
        self.server = server
        self.client = client
        self.cache = Cache([GadgetController()])
        self.cache.observe(GADGETS, gadget())
        self.may_write = True
        self.told: list[tuple[Manifest, Manifest]] = []
        self.executor = Executor(
            client,
            self.cache,
            instance="test",
            may_write=lambda: self.may_write,
            on_status=lambda _, former, status: self.told.append((dict(former), dict(status))),
        )
        self.executor._answered.record(GADGETS, Key("ns", "g"), "5")  # as after a status that it has written

    async def do(self, *actions: Action, **plan: Any) -> None:
        await self.executor.execute(GADGETS, gadget(), Plan(actions=actions, **plan), now=NOW)

    def has(self) -> Manifest | None:
        return self.cache.get(CONFIG_MAPS, CHILD_KEY)
