# SPDX-License-Identifier: Apache-2.0
"""Fields of a pod template that a Pod does not have: refused by name, and mended by the correction."""

from collections.abc import AsyncIterator

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS, MODELS, RETRAIN_POLICIES, TRAINING_JOBS
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, condition, message, operator

TYPOS = [
    ({"contaners": [{"name": "side", "image": "example/side:1"}]}, "spec.template.spec.contaners"),
    (
        {"containers": [{"name": "main", "resorces": {"limits": {"memory": "1Gi"}}}]},
        'spec.template.spec.containers[name="main"].resorces',
    ),
    ({"tolerations": [{"key": "gpu", "efect": "NoSchedule"}]}, "spec.template.spec.tolerations[0].efect"),
]

typos = pytest.mark.parametrize(("pod", "field"), TYPOS, ids=["a pod's", "a container's", "an item's"])


@pytest.fixture
async def workshop(client: Client, namespace: str, control_plane: Cluster) -> AsyncIterator[Workshop]:
    await install_crds(client)
    workshop = Workshop(client, namespace)
    kubelet = FakeKubelet(client, workshop.behave, namespace=namespace)
    async with kubelet, operator(control_plane, namespace, *all_controllers(Settings())):
        yield workshop


def refused(field: str, status: Manifest) -> None:
    assert condition(status, "Stalled") == ("True", "InvalidPodTemplate")
    assert f"unknown field {field}: correct the name" in message(status)


def is_stalled(status: Manifest) -> bool:
    return condition(status, "Stalled")[0] == "True"


@typos
async def test_a_trainings_typo_is_reported_and_its_correction_runs(
    workshop: Workshop, pod: Manifest, field: str
) -> None:
    await workshop.create(TRAINING_JOBS, "train", {"image": "example/train:1", "template": {"spec": pod}})
    refused(field, await workshop.until(TRAINING_JOBS, "train", is_stalled))
    assert await workshop.all(JOBS) == []
    await workshop.edit(TRAINING_JOBS, "train", spec={"template": None})
    status = await workshop.phase(TRAINING_JOBS, "train", "Succeeded")
    assert condition(status, "Stalled")[0] != "True"


@typos
async def test_a_deployments_typo_is_reported_and_its_correction_serves(
    workshop: Workshop, pod: Manifest, field: str
) -> None:
    await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True}]})
    await workshop.version("digits-1", ready=False)
    template = {"template": {"spec": pod}}
    await workshop.create(MODEL_DEPLOYMENTS, "digits", {"model": {"name": "digits", "alias": "champion"}, **template})
    refused(field, await workshop.until(MODEL_DEPLOYMENTS, "digits", is_stalled))
    assert await workshop.all(DEPLOYMENTS) == []
    await workshop.edit(MODEL_DEPLOYMENTS, "digits", spec={"template": None})
    await workshop.until(MODEL_DEPLOYMENTS, "digits", lambda status: condition(status, "Ready")[0] == "True")


async def test_a_policys_typo_is_reported_by_its_training(workshop: Workshop) -> None:
    pod, field = TYPOS[0]
    await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True}]})
    training = {"spec": {"image": "example/train:1", "template": {"spec": pod}}}
    policy = {"model": "digits", "training": training}
    await workshop.create(RETRAIN_POLICIES, "again", policy, annotations={"mlops-operator.io/trigger": "1"})
    (run,) = await eventually(lambda: workshop.all(TRAINING_JOBS), bool)
    refused(field, await workshop.until(TRAINING_JOBS, run["metadata"]["name"], is_stalled))
