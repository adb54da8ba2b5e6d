# SPDX-License-Identifier: Apache-2.0
"""examples/digits and an object of every kind from Git. Pods are played; in tests/kind they are real."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.kubectl import Kubectl
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from tests.harness.crds import install_crds
from tests.harness.flux import flux
from tests.harness.gitops_example import by_flux, by_helm
from tests.harness.kubelet import SUCCEED, Behaviour, FakeKubelet
from tests.integration.workshop import Workshop, operator

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1200)]

NO_LOG = Behaviour(exit_code=3, message=json.dumps({"reason": "DataNotFound", "message": "found nothing at log"}))
"""What a monitor's pod finds before the first request."""


@pytest.fixture
async def scene(client: Client, namespace: str, control_plane: Cluster) -> AsyncIterator[Kubectl]:
    await install_crds(client)
    shop = Workshop(client, namespace)
    shop.odd["monitor"] = NO_LOG

    def behave(pod: Manifest) -> Behaviour:
        prepares = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") == "digits-prepare"
        return SUCCEED if prepares else shop.behave(pod)

    kubectl = Kubectl(control_plane.clients() / "kubectl", control_plane.kubeconfig, namespace)
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/tmp"},
        "claimRef": {"namespace": namespace, "name": "mlops-artifacts"},
    }
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": spec}
    kubectl.apply(volume)
    async with (
        FakeKubelet(client, behave, namespace=namespace),
        operator(control_plane, namespace, *all_controllers(Settings())),
    ):
        yield kubectl
    kubectl.run("delete", "persistentvolume", namespace, "--wait=false")


async def test_flux_finds_everything_ready_unchanged_and_prunes_it(scene: Kubectl, tmp_path: Path) -> None:
    with flux(scene, tmp_path) as tool:
        await asyncio.to_thread(by_flux, tool)


async def test_helm_waits_until_everything_is_ready_and_removes_it(
    scene: Kubectl, control_plane: Cluster, tmp_path: Path
) -> None:
    helm = (str(control_plane.clients() / "helm"), f"--kubeconfig={control_plane.kubeconfig}")
    await asyncio.to_thread(by_helm, helm, scene, tmp_path)
