# SPDX-License-Identifier: Apache-2.0
"""Fixtures of every test that has a control plane; each folder says what its `control_plane` is."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from localcluster import Cluster
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from tests.harness.audit import AuditLog
from tests.harness.namespaces import NAMESPACES, make_namespace


@pytest.fixture
async def client(control_plane: Cluster) -> AsyncIterator[Client]:
    """The test's own client, known to the server by another name than the operator's."""
    async with Client(load_config(control_plane.kubeconfig), user_agent="test") as client:
        yield client


@pytest.fixture
async def namespace(client: Client) -> AsyncIterator[str]:
    """A namespace for one test."""
    name = f"t-{uuid4().hex[:8]}"
    await make_namespace(client, name)
    yield name
    await client.delete(NAMESPACES, namespace=None, name=name)


@pytest.fixture
def audit_log(control_plane: Cluster) -> AuditLog:
    """The requests from here on."""
    return AuditLog(control_plane.audit_log)
