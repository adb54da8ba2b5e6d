# SPDX-License-Identifier: Apache-2.0
"""The Gadget kind, installed, and an operator in this process that serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import ClusterConfig, load_config
from mlops_operator.kube.errors import AlreadyExists, NotFound
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS
from mlops_operator.runtime.manager import Manager, Options
from mlops_operator.runtime.work.controller import Controller
from tests.harness.gadgets import DEFINITION, GADGETS, GadgetController
from tests.harness.proxy import Proxy, proxy
from tests.harness.waiting import eventually

Operator = Callable[..., AbstractAsyncContextManager[Manager]]


async def gadgets_known(client: Client) -> bool:
    """Whether the API server serves the kind."""
    try:
        await client.list(GADGETS)
    except NotFound:
        return False
    return True


@pytest.fixture
async def gadgets(client: Client) -> None:
    """The kind is known to the API server."""
    with suppress(AlreadyExists):
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    await eventually(lambda: gadgets_known(client), within=20)


@pytest.fixture
def config(control_plane: Cluster) -> ClusterConfig:
    return load_config(control_plane.kubeconfig)


@pytest.fixture
async def faulty(config: ClusterConfig) -> AsyncIterator[Proxy]:
    """A proxy in front of the API server, for the operator alone."""
    async with proxy(config) as found:
        yield found


@pytest.fixture
def operator(config: ClusterConfig, namespace: str) -> Operator:
    """Runs an operator for the test's namespace while it is entered; ready by then, unless told not to wait."""

    @asynccontextmanager
    async def run(
        *controllers: Controller, through: Proxy | None = None, wait: bool = True, **options: Any
    ) -> AsyncIterator[Manager]:
        given = {"namespaces": (namespace,), "leader_elect": False, "metrics_address": "127.0.0.1:0", **options}
        manager = Manager(
            through.config() if through else config, controllers or (GadgetController(),), Options(**given)
        )
        running = asyncio.create_task(manager.run())
        try:
            if wait:
                await eventually(lambda: ready(manager), within=20)
            yield manager
        finally:
            manager.stop()
            async with asyncio.timeout(30):
                await running

    return run


async def ready(manager: Manager) -> bool:
    """Whether all caches are complete and the event stream runs."""
    return manager.ready
