# SPDX-License-Identifier: Apache-2.0
"""A node of its own, with the operator installed by Helm and run as a pod with exactly the chart's rights.

Run in several processes (`pytest -n 2`), each has a node: tests mostly wait, so two nodes take little more than half
the time of one. When a node goes, its audit log is read for rights that the operator lacked.

While tests are written, `MLOPS_E2E_KEEP=1` leaves the cluster running and takes it up again, and
`MLOPS_E2E_CLUSTER` gives it another name. `MLOPS_E2E_ENGINE=kind` (`make e2e ENGINE=kind`) runs the tests on kind;
those marked `native` are skipped there and say why.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from demo.platform import SYSTEM_NAMESPACE, Platform
from localcluster.kubectl import Kubectl
from localcluster.progress import OnConsole
from tests.e2e.session_audit import SessionAudit
from tests.e2e.support import new_namespace
from tests.harness.platforms import running

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

CLUSTER = os.environ.get("MLOPS_E2E_CLUSTER", "mlops-e2e") + (f"-{WORKER}" if WORKER else "")
"""Not the name of the cluster that `make demo` leaves running."""

ENGINE = os.environ.get("MLOPS_E2E_ENGINE", "native")

OPERATOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:mlops-operator"

KEEP = os.environ.get("MLOPS_E2E_KEEP") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "native(reason): not on another engine, for a reason that is printed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ENGINE != "native" and (native := item.get_closest_marker("native")) is not None:
            item.add_marker(pytest.mark.skip(reason=f"not on {ENGINE}: {native.args[0]}"))


@pytest.fixture(scope="session")
def began() -> datetime:
    """When the session's first cluster-bound test began."""
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def platform(began: datetime) -> Iterator[Platform]:
    with running(Platform(CLUSTER, engine=ENGINE, progress=OnConsole(), audit=True), keep=KEEP) as platform:
        yield platform
        audit = SessionAudit(platform.cluster.audit_log, began)
        assert audit.of(OPERATOR), "the audit log knows no request of the operator"
        assert audit.lacked_rights(OPERATOR) == [], "the chart's rights were not enough"


@pytest.fixture(scope="session")
def kubectl(platform: Platform) -> Kubectl:
    return platform.kubectl


@pytest.fixture
def space(kubectl: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """A namespace of the test's own, with a claim for the artifact store."""
    with new_namespace(kubectl, request.node.name.removeprefix("test_")) as namespace:
        yield namespace
