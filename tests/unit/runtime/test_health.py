# SPDX-License-Identifier: Apache-2.0
"""Probes tell the truth, and what is missing."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from mlops_operator.runtime.health import HealthServer, ObjectMetricsServer


@asynccontextmanager
async def serving(missing: dict[str, str | None]) -> AsyncIterator[str]:
    ready = {name: lambda name=name: missing[name] for name in missing}
    server = HealthServer("127.0.0.1:0", live={"manager": lambda: None}, ready=ready)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_ready_when_nothing_is_missing() -> None:
    async with serving({"caches": None, "events": None}) as url:
        status, body = await get(f"{url}/readyz")
    assert (status, json.loads(body)) == (200, {"ok": True, "checks": {"caches": "ok", "events": "ok"}})


async def test_not_ready_says_why() -> None:
    async with serving({"caches": "not listed yet: jobs.batch", "events": None}) as url:
        status, body = await get(f"{url}/readyz")
        alive, _ = await get(f"{url}/healthz")
    assert status == 503
    assert json.loads(body)["checks"]["caches"] == "not listed yet: jobs.batch"
    assert alive == 200


async def test_metrics_are_in_the_exposition_format() -> None:
    async with serving({}) as url:
        status, body = await get(f"{url}/metrics")
    assert status == 200
    assert "# TYPE controller_runtime_reconcile_total counter" in body


async def test_metrics_of_objects_have_a_server_with_nothing_else() -> None:
    registry = CollectorRegistry()
    Gauge("mlops_probe", "A gauge.", registry=registry).set(5)
    server = ObjectMetricsServer("127.0.0.1:0", registry)
    await server.start()
    try:
        status, body = await get(f"http://127.0.0.1:{server.port}/metrics")
        missing, _ = await get(f"http://127.0.0.1:{server.port}/healthz")
    finally:
        await server.stop()
    assert (status, missing) == (200, 404)
    assert "mlops_probe 5.0" in body
    assert "controller_runtime" not in body


@pytest.mark.parametrize("address", ["host", "host:", "host:http"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="bind address"):
        HealthServer(address, live={}, ready={})
