# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several tests of the engine take."""

from collections.abc import AsyncIterator

import pytest

from mlops_operator.kube.client import Client
from tests.harness.stub_server import stub_server
from tests.unit.runtime.work.executor_world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with stub_server() as server, Client(server.config()) as client:
        yield World(server, client)
