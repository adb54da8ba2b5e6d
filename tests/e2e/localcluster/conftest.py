# SPDX-License-Identifier: Apache-2.0
"""Clusters of their own for these tests: other state folder, same caches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder that no other test and no user has."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("MLOPS_LOCALCLUSTER_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def as_root() -> None:
    """Skip, with the reason, where a node cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("a node needs root, and the tests do not run as root")
