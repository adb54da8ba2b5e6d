# SPDX-License-Identifier: Apache-2.0
"""Three nodes on kind, with the operator installed by Helm, gone afterwards.

`MLOPS_KIND_CLUSTER` names a cluster that is taken up as it is and left running, while tests are written.
"""

import os
from collections.abc import Iterator

import pytest

from demo.platform import ROOT, Platform
from demo.story import Story
from localcluster.progress import OnConsole
from tests.harness.platforms import running

CONFIG = ROOT / "tests/kind/three-nodes.yaml"
SHORT_CLOCKS = ROOT / "tests/kind/short-clocks.yaml"

KEPT = os.environ.get("MLOPS_KIND_CLUSTER")


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    platform = Platform(
        KEPT or "mlops-kind", engine="kind", progress=OnConsole(), audit=True, config=CONFIG, patches=[SHORT_CLOCKS]
    )
    with running(platform, keep=bool(KEPT)):
        yield platform


@pytest.fixture
def story(platform: Platform) -> Iterator[Story]:
    """The story, whose namespace is removed afterwards: the disruption budgets of its servers would block drains."""
    platform.make_room()
    yield Story(platform.kubectl)
    platform.make_room()
