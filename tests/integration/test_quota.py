# SPDX-License-Identifier: Apache-2.0
"""A namespace with a quota on CPU and memory: every pod of the loop is admitted, and one that is not says why."""

from collections.abc import AsyncIterator

import pytest

from localcluster import Cluster
from mlops_operator.api.common import PodOptions
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    TRAINING_JOBS,
    Resource,
)
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, condition, digest_of, message, operator

RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
QUOTA = {"requests.cpu": "2", "requests.memory": "2Gi", "limits.cpu": "2", "limits.memory": "2Gi"}
AMOUNTS = {"cpu": "100m", "memory": "64Mi"}
GATE = {"data": [{"name": "holdout", "uri": "pvc://data/holdout.csv"}], "metrics": [{"name": "accuracy", "min": 0.9}]}
ALL = {"training", "verify", "evaluate", "server", "golden", "monitor"}
"""Every component that has pods."""


@pytest.fixture
async def workshop(client: Client, namespace: str) -> AsyncIterator[Workshop]:
    """A namespace with a quota that is in force."""
    await install_crds(client)
    workshop = Workshop(client, namespace)
    await workshop.create(RESOURCE_QUOTAS, "team", {"hard": QUOTA})
    await workshop.until(RESOURCE_QUOTAS, "team", lambda status: status.get("hard") == QUOTA)
    async with FakeKubelet(client, workshop.behave, namespace=namespace):
        yield workshop


async def components(workshop: Workshop) -> set[str]:
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in await workshop.all(PODS)}


def with_golden_requests(name: str) -> Manifest:
    def place(path: str) -> Manifest:
        return {"uri": f"pvc://store/{path}", "digest": digest_of(path)}

    return {"model": "digits", "artifact": {**place(name), "format": "sklearn"}, "goldenRequests": place("golden")}


@pytest.mark.timeout(180)
async def test_a_quota_on_requests_and_limits_admits_every_pod_of_the_loop(
    control_plane: Cluster, workshop: Workshop
) -> None:
    async with operator(control_plane, workshop.namespace, *all_controllers(Settings())):
        await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True, "gate": GATE}]})
        resources = {"requests": AMOUNTS, "limits": AMOUNTS}
        data = [{"name": "train", "uri": "pvc://data/train.csv"}]
        training = {"model": "digits", "image": "example.test/train:1", "resources": resources, "data": data}
        await workshop.create(TRAINING_JOBS, "first", training)
        await workshop.create(MODEL_DEPLOYMENTS, "digits", {"model": {"name": "digits", "alias": "champion"}})
        await workshop.phase(MODEL_DEPLOYMENTS, "digits", "Stable", within=90.0)
        await workshop.create(MODEL_VERSIONS, "by-hand", with_golden_requests("by-hand"))
        await workshop.create(MODEL_DEPLOYMENTS, "checked", {"model": {"name": "digits", "version": "by-hand"}})
        await workshop.phase(MODEL_DEPLOYMENTS, "checked", "Stable", within=60.0)
        monitor = {
            "target": {"deployment": "digits"},
            "source": {"predictionLog": {"uri": "pvc://data/predictions"}},
            "window": {"size": "5s"},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
        }
        await workshop.create(MODEL_MONITORS, "live", monitor)
        await workshop.phase(MODEL_MONITORS, "live", "Healthy")
        # A window's Job and its pod go when newer ones are there, so the latest may be between the two.
        assert await eventually(lambda: components(workshop), lambda found: found >= ALL) == ALL


async def test_a_refusal_is_told_in_the_quotas_words_and_mended_by_the_versions_own_options(
    control_plane: Cluster, workshop: Workshop
) -> None:
    """The installation has taken its defaults away."""
    settings = Settings(task_pods=PodOptions())
    async with operator(control_plane, workshop.namespace, *all_controllers(settings)):
        await workshop.create(MODELS, "digits", {})
        await workshop.version("digits-1", ready=False)
        status = await workshop.until(
            MODEL_VERSIONS, "digits-1", lambda status: condition(status, "Ready") == ("False", "Forbidden")
        )
        assert "failed quota: team: must specify limits.cpu for: main" in message(status)
        options = {"resources": {"requests": AMOUNTS, "limits": AMOUNTS}}
        await workshop.edit(MODEL_VERSIONS, "digits-1", spec={"taskPods": options})
        await workshop.phase(MODEL_VERSIONS, "digits-1", "Ready")
