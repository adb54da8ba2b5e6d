"""A node of its own, with the operator installed by Helm and run as a pod with exactly the chart's rights."""

from collections.abc import Iterator

import pytest

from demo.platform import Platform
from demo.story import Story
from localcluster.kubectl import Kubectl
from localcluster.progress import OnConsole

CLUSTER = "mlops-e2e"
"""Not the name of the cluster that `make demo` leaves running."""


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    platform = Platform(CLUSTER, engine="native", progress=OnConsole())
    platform.down()  # what a killed run left
    platform.up()
    yield platform
    platform.down()


@pytest.fixture(scope="session")
def kubectl(platform: Platform) -> Kubectl:
    return platform.kubectl


@pytest.fixture(scope="session")
def story(kubectl: Kubectl) -> Story:
    return Story(kubectl)
