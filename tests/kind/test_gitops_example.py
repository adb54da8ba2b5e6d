# SPDX-License-Identifier: Apache-2.0
"""examples/digits and an object of every kind from Git on real pods, by Flux's kustomize-controller and by Helm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.platform import Platform
from localcluster.kubectl import Kubectl
from tests.e2e.support import new_namespace
from tests.harness.flux import flux
from tests.harness.gitops_example import by_flux, by_helm

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]


@pytest.fixture
def space(platform: Platform) -> Iterator[Kubectl]:
    """A namespace with nothing in it: the example brings its claim along."""
    with new_namespace(platform.kubectl, "git", claims=()) as space:
        yield space


def test_flux_finds_everything_ready_unchanged_and_prunes_it(space: Kubectl, tmp_path: Path) -> None:
    with flux(space, tmp_path) as tool:
        by_flux(tool)


def test_helm_waits_until_everything_is_ready_and_removes_it(
    platform: Platform, space: Kubectl, tmp_path: Path
) -> None:
    helm = (str(platform.tools / "helm"), f"--kubeconfig={platform.cluster.kubeconfig}")
    by_helm(helm, space, tmp_path)
