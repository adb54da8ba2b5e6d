# SPDX-License-Identifier: Apache-2.0
"""A place for several operator processes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from tests.faults.availability.replicas import Replicas
from tests.faults.recorder import Recorder
from tests.harness.kubelet import FakeKubelet


@pytest.fixture
async def replicas(client: Client, namespace: str, control_plane: Cluster, tmp_path: Path) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        recorder = await stack.enter_async_context(Recorder(client))
        found = Replicas(client, namespace, cluster=control_plane, folder=tmp_path, stack=stack, recorder=recorder)
        await stack.enter_async_context(FakeKubelet(client, found.behave, namespace=namespace))
        yield found
