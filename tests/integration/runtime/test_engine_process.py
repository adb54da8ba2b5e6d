# SPDX-License-Identifier: Apache-2.0
"""The operator as its own process, as it runs in a pod: signals, exit codes, probes, metrics, memory."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from localcluster import Cluster
from mlops_operator.api.meta import GROUP, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.leases import read_lease
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS
from mlops_operator.runtime.manager import LEASE_NAME
from tests.harness.processes import ROOT, Process, operator_process
from tests.harness.waiting import eventually

BASE_MEMORY_LIMIT = 85
"""MB. The aim is 60 for an idle operator in a pod. Here a kubeconfig is read, so the `kubernetes` package adds 9. The
weight of Python and its libraries varies by more than 10 % between machines."""


Start = Callable[..., AbstractAsyncContextManager[Process]]


@pytest.fixture
def start(control_plane: Cluster, namespace: str, tmp_path: Path) -> Start:
    """Starts an operator process that serves the test's namespace."""

    @asynccontextmanager
    async def run(name: str = "operator", *arguments: str, pod: str | None = None) -> AsyncIterator[Process]:
        log = tmp_path / f"{name}-{time.monotonic_ns()}.log"
        given = ("--namespace", namespace, "--leader-elect-namespace", namespace, *arguments)
        async with operator_process(control_plane.kubeconfig, log, *given, pod=pod) as process:
            yield process

    return run


async def own_definitions(client: Client) -> list[Manifest]:
    found = (await client.list(CUSTOM_RESOURCE_DEFINITIONS)).items
    return [obj for obj in found if obj["spec"]["group"] == GROUP]


def established(definition: Manifest) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Established" and condition["status"] == "True" for condition in conditions)


@pytest.fixture
async def kinds(client: Client) -> None:
    """The product's kinds are known to the API server."""
    for path in sorted(ROOT.glob("crds/*.yaml")):
        definition = yaml.safe_load(path.read_text())
        await client.apply(CUSTOM_RESOURCE_DEFINITIONS, definition)

    await eventually(
        lambda: own_definitions(client), lambda found: bool(found) and all(map(established, found)), within=30
    )


@pytest.mark.usefixtures("kinds")
async def test_it_becomes_ready_and_ends_in_order_on_sigterm(start: Start, client: Client, namespace: str) -> None:
    async with start() as process:
        await eventually(process.ready, within=60)
        assert await process.metric("leader_election_master_status") == 1
        process.child.send_signal(signal.SIGTERM)
        assert await process.ends() == 0
        lease = await read_lease(client, namespace=namespace, name=LEASE_NAME)
        assert lease is not None
        assert lease.holder == "", "given back, so that the next one need not wait"
        assert [line["msg"] for line in process.lines()][-2:] == ["lease given back", "stopped"]
        assert [line for line in process.lines() if line["level"] in ("error", "warning")] == []


@pytest.mark.usefixtures("kinds")
async def test_a_container_started_again_in_its_pod_leads_at_once(start: Start) -> None:
    async with start("first", pod="mlops-operator-abc") as process:
        await eventually(process.ready, within=60)
        process.child.kill()
        await process.ends()
    async with start("second", pod="mlops-operator-abc") as process:
        await eventually(lambda: process.metric("leader_election_master_status"), within=30)
        began, leading = (
            next(line["ts"] for line in process.lines() if line["msg"] == message)
            for message in ("starting", "leading")
        )
        assert seconds(leading) - seconds(began) < 2.0


def seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


@pytest.mark.usefixtures("kinds")
async def test_a_leader_that_was_stopped_past_its_lease_writes_nothing_more_and_ends(
    start: Start, client: Client, namespace: str
) -> None:
    async with start("first") as first, start("second") as second:
        await eventually(first.ready, within=60)
        await eventually(second.ready, within=60)
        leaders = [one for one in (first, second) if await one.metric("leader_election_master_status") == 1]
        (leader,) = leaders
        (follower,) = {first, second} - {leader}
        leader.child.send_signal(signal.SIGSTOP)
        await eventually(lambda: follower.metric("leader_election_master_status"), within=30)
        leader.child.send_signal(signal.SIGCONT)
        assert await leader.ends() == 1
        assert [line["msg"] for line in leader.lines() if line["level"] == "error"] == ["leadership lost"]
        lease = await read_lease(client, namespace=namespace, name=LEASE_NAME)
        assert lease is not None
        assert lease.transitions == 1


async def test_probes_tell_what_is_missing(start: Start, client: Client) -> None:
    for obj in await own_definitions(client):
        await client.delete(CUSTOM_RESOURCE_DEFINITIONS, namespace=None, name=obj["metadata"]["name"])
    await eventually(lambda: own_definitions(client), lambda found: not found, within=30)

    async with start() as process:

        async def answer() -> dict[str, str]:
            status, body = await process.get("/readyz")
            assert status == 503
            checks: dict[str, str] = json.loads(body)["checks"]
            return checks

        checks = await eventually(answer, lambda found: "not known" in found["caches"], within=30)
        assert "trainingjobs.mlops-operator.io" in checks["caches"]
        assert (await process.get("/healthz"))[0] == 200
        assert await process.metric("mlops_operator_resource_missing") > 0
        missing = [line for line in process.lines() if line["msg"].startswith("kinds are missing")]
        assert len(missing) == 1
        assert process.child.returncode is None


@pytest.mark.usefixtures("kinds")
async def test_an_idle_operator_is_small(start: Start) -> None:
    async with start("operator", "--no-leader-elect") as process:
        await eventually(process.ready, within=60)
        memory = await process.metric("process_resident_memory_bytes") / 1e6
        print(f"resident memory of an idle operator: {memory:.1f} MB")
        assert memory < BASE_MEMORY_LIMIT


@pytest.mark.usefixtures("kinds")
async def test_metrics_have_the_fields_names(start: Start) -> None:
    async with start() as process:
        await eventually(process.ready, within=60)
        _, text = await process.get("/metrics")
        for name in (
            "controller_runtime_reconcile_total",
            "controller_runtime_reconcile_errors_total",
            "controller_runtime_reconcile_time_seconds_bucket",
            "controller_runtime_active_workers",
            "workqueue_depth",
            "workqueue_adds_total",
            "workqueue_queue_duration_seconds_bucket",
            "workqueue_work_duration_seconds_bucket",
            "workqueue_retries_total",
            "workqueue_unfinished_work_seconds",
            "workqueue_longest_running_processor_seconds",
            "rest_client_requests_total",
            "leader_election_master_status",
            "process_resident_memory_bytes",
        ):
            assert re.search(rf"^{name}[{{ ]", text, re.MULTILINE), name


async def test_a_configuration_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mlops_operator", "run", "--kubeconfig", str(tmp_path / "none")),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
    )
    _, errors = await child.communicate()
    assert child.returncode == 2
    (line,) = errors.decode().splitlines()
    assert json.loads(line)["msg"] == "no usable configuration"
    assert str(tmp_path / "none") in json.loads(line)["error"]
