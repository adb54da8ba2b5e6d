"""One real API server for the whole session, one namespace for each test."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from tests.harness.clusters import own_cluster
from tests.harness.fixtures import audit_log, client, namespace

__all__ = ["audit_log", "client", "control_plane", "namespace"]


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    with own_cluster("integration") as cluster:
        yield cluster
