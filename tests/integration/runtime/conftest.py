"""The Gadget kind, installed, and an operator in this process that serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import AlreadyExists, NotFound
from mlops_operator.kube.resources import CUSTOM_RESOURCE_DEFINITIONS
from mlops_operator.runtime.controller import Controller
from mlops_operator.runtime.manager import Manager, Options
from tests.harness.gadgets import DEFINITION, GADGETS, GadgetController

Operator = Callable[..., AbstractAsyncContextManager[Manager]]


@pytest.fixture
async def gadgets(client: Client) -> None:
    """The kind is known to the API server."""
    try:
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    except AlreadyExists:
        pass
    async with asyncio.timeout(20):
        while True:
            try:
                await client.list(GADGETS)
                return
            except NotFound:
                await asyncio.sleep(0.02)


@pytest.fixture
def operator(control_plane: Cluster, gadgets: None, namespace: str) -> Operator:
    """Runs an operator for the test's namespace while it is entered."""

    @asynccontextmanager
    async def run(*controllers: Controller, **options: object) -> AsyncIterator[Manager]:
        given = {"namespaces": (namespace,), "leader_elect": False, "metrics_address": "127.0.0.1:0", **options}
        config = load_config(control_plane.kubeconfig)
        manager = Manager(config, controllers or (GadgetController(),), Options(**given))
        running = asyncio.create_task(manager.run())
        try:
            yield manager
        finally:
            manager.stop()
            async with asyncio.timeout(30):
                await running

    return run
