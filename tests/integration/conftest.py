# SPDX-License-Identifier: Apache-2.0
"""One real API server for the whole session, one namespace for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.harness.fixtures import audit_log, client, namespace
from tests.harness.kubelet import FakeKubelet
from tests.integration.workshop import Workshop

__all__ = ["audit_log", "client", "control_plane", "namespace"]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    with own_cluster("integration") as cluster:
        yield cluster


@pytest.fixture
async def workshop(client: Client, namespace: str) -> AsyncIterator[Workshop]:
    """A namespace in which objects are created and Jobs run as the test says."""
    await install_crds(client)
    workshop = Workshop(client, namespace)
    async with FakeKubelet(client, workshop.behave, namespace=namespace):
        yield workshop
