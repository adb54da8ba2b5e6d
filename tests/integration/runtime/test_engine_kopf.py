# SPDX-License-Identifier: Apache-2.0
"""kopf under supervision: started again it leaves nothing behind, writes nothing, and lists nothing itself."""

import asyncio
import gc

import aiohttp
import pytest

from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from tests.harness.audit import AuditLog, select
from tests.harness.crds import install_crds
from tests.harness.gadgets import GADGETS, GadgetController, gadget
from tests.harness.proxy import Fault, Proxy, watches
from tests.harness.stub_server import failure, status, stream
from tests.harness.waiting import eventually
from tests.integration.runtime.conftest import Operator, ready

pytestmark = pytest.mark.usefixtures("gadgets")

BROKEN = stream({"type": "ERROR", "object": status(500, "InternalError")})
"""kopf ends as a whole on this."""


async def settled(client: Client, namespace: str, name: str) -> None:
    await eventually(
        lambda: client.get(GADGETS, namespace=namespace, name=name),
        lambda found: found.get("status", {}).get("text") == "x",
        within=20,
    )


def open_sessions() -> int:
    gc.collect()
    return sum(isinstance(obj, aiohttp.ClientSession) and not obj.closed for obj in gc.get_objects())


async def test_started_again_many_times_it_leaves_no_task_and_no_session_behind(
    client: Client, namespace: str, operator: Operator, faulty: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlops_operator.runtime.kopf.adapter.FIRST_BACKOFF", 0.01)
    monkeypatch.setattr("mlops_operator.runtime.kopf.adapter.LONGEST_BACKOFF", 0.02)

    def of_gadgets(request: object) -> bool:
        return watches(request) and "gadgets" in request.path  # type: ignore[arg-type,attr-defined]

    async with operator(through=faulty) as manager:
        await client.create(GADGETS, gadget("before", namespace, text="x"))
        await settled(client, namespace, "before")
        await asyncio.sleep(0.3)
        tasks, sessions = len(asyncio.all_tasks()), open_sessions()
        broken = faulty.inject(Fault(of_gadgets, BROKEN, times=10))
        faulty.cut_watches(of_gadgets)
        await eventually(lambda: happened(broken), lambda number: number == 10, within=30)
        await eventually(lambda: ready(manager), within=20)
        await client.create(GADGETS, gadget("after", namespace, text="x"))
        await settled(client, namespace, "after")
        await asyncio.sleep(0.5)
        assert len(asyncio.all_tasks()) <= tasks + 2, sorted(task.get_name() for task in asyncio.all_tasks())
        assert open_sessions() <= sessions


async def test_the_watches_of_the_other_kinds_end_with_the_one_that_fails(
    client: Client, namespace: str, operator: Operator, faulty: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    await install_crds(client)
    monkeypatch.setattr("mlops_operator.runtime.kopf.adapter.FIRST_BACKOFF", 0.01)
    monkeypatch.setattr("mlops_operator.runtime.kopf.adapter.LONGEST_BACKOFF", 0.02)

    def of_gadgets(request: object) -> bool:
        return watches(request) and "gadgets" in request.path  # type: ignore[arg-type,attr-defined]

    async def watchers() -> list[str]:
        return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("watcher for"))

    kinds = [GadgetController(), ModelController(Settings()), EvaluationController(Settings())]
    async with operator(*kinds, through=faulty) as manager:
        before = await watchers()
        assert len(before) == len(kinds)
        broken = faulty.inject(Fault(of_gadgets, failure(404), times=5))
        faulty.cut_watches(of_gadgets)
        await eventually(lambda: happened(broken), lambda number: number == 5, within=30)
        await eventually(lambda: ready(manager), within=20)
        await eventually(watchers, lambda found: found == before, within=20)


async def happened(fault: Fault) -> int:
    return fault.happened


async def test_it_writes_nothing_and_takes_no_object_by_list(
    client: Client, namespace: str, operator: Operator, audit_log: AuditLog
) -> None:
    for number in range(3):
        await client.create(GADGETS, gadget(f"g{number}", namespace, text="x"))
    audit_log.skip()
    async with operator():
        for number in range(3):
            await settled(client, namespace, f"g{number}")
        await asyncio.sleep(0.3)
    counts = select(audit_log.read())
    writes = {(request.verb, request.resource, request.subresource) for request in counts if request.is_write}
    assert writes == {("create", "configmaps", ""), ("patch", "gadgets", "status")}
    obj = await client.get(GADGETS, namespace=namespace, name="g0")
    assert "finalizers" not in obj["metadata"]
    assert "annotations" not in obj["metadata"]
    lists = sum(number for request, number in counts.items() if (request.verb, request.resource) == ("list", "gadgets"))
    assert lists == 3, "is the kind there; kopf's, for its version; ours, for the objects"
