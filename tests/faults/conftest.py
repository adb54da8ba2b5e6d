# SPDX-License-Identifier: Apache-2.0
"""One control plane with the product's kinds for all fault runs, and a namespace for each test."""

import asyncio
from collections.abc import Iterator

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.harness.fixtures import audit_log, client, namespace

__all__ = ["audit_log", "client", "control_plane", "namespace"]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    with own_cluster("faults") as cluster:
        asyncio.run(_install(cluster))
        yield cluster


async def _install(cluster: Cluster) -> None:
    async with Client(load_config(cluster.kubeconfig)) as client:
        await install_crds(client)
