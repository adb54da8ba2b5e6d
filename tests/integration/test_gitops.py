# SPDX-License-Identifier: Apache-2.0
"""A Git history as a story: after each commit, what serves, and what a tool that waits by kstatus says."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.kubectl import Kubectl
from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.docs.health import Kstatus
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    OWN,
    SERVICES,
    TRAINING_JOBS,
)
from tests.harness.crds import install_crds
from tests.harness.flux import flux
from tests.harness.gitops import FLUX_FORCE, FluxTool, GitTool, Revision
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, condition, message, operator

FLUX = "Flux"
READY = ("True", "ReconciliationSucceeded")


def obj(kind: str, name: str, spec: Manifest, **annotations: str) -> Manifest:
    metadata: Manifest = {"name": name, "annotations": annotations} if annotations else {"name": name}
    return {"kind": kind, "metadata": metadata, "spec": spec}


def training(name: str, **parameters: object) -> Manifest:
    return obj("TrainingJob", name, {"image": "example/train:1", "model": "digits", "parameters": parameters})


def promotion(version: str) -> Manifest:
    """The one Promotion in Git: to name another version is to make it again."""
    spec = {"model": "digits", "alias": "champion", "version": version}
    return obj("Promotion", "digits-champion", spec, **{FLUX_FORCE: "enabled"})


FIRST: Revision = {
    "model.yaml": obj("Model", "digits", {"aliases": [{"name": "champion", "bootstrap": True}]}),
    "train-1.yaml": training("digits-1", seed=1),
    "serve.yaml": obj("ModelDeployment", "digits", {"model": {"name": "digits", "alias": "champion"}}),
    "monitor.yaml": obj(
        "ModelMonitor",
        "digits",
        {
            "target": {"deployment": "digits"},
            "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
        },
    ),
    "retrain.yaml": obj(
        "RetrainPolicy",
        "digits",
        {
            "model": "digits",
            "signals": [{"name": "worse", "monitor": "digits", "metric": "accuracy"}],
            "triggers": [{"name": "worse", "signal": "worse"}],
            "training": {"spec": {"image": "example/train:1"}},
        },
    ),
}


class Story:
    """A namespace, the tool that applies revisions to it, and what serves there."""

    def __init__(self, shop: Workshop, tool: GitTool) -> None:
        self.shop = shop
        self.tool = tool

    async def ready(self, revision: Revision, *, within: float = 60.0) -> None:
        """The revision is applied, and all its objects become Current, as `wait: true` asks for."""
        assert await self.tool.reconcile(revision) == ""
        await eventually(self.tool.health, lambda found: set(found.values()) <= {Kstatus.CURRENT}, within=within)

    async def serves(self) -> str:
        status = (await self.shop.get(MODEL_DEPLOYMENTS, "digits")).get("status") or {}
        return str((status.get("stable") or {}).get("version"))

    async def rolls_out(self, version: str) -> None:
        """The deployment learns of a moved alias from the Model, a moment after the Promotion is Current."""
        await eventually(self.serves, lambda found: found == version, within=60.0)

    async def version_of(self, name: str) -> str:
        return str((await self.shop.get(TRAINING_JOBS, name))["status"]["modelVersion"])


@pytest.fixture
async def story(
    client: Client, namespace: str, control_plane: Cluster, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Story]:
    """With the tool that the test is run with: Flux, or the one in small."""
    await install_crds(client)
    shop = Workshop(client, namespace)
    with ExitStack() as stack:
        tool = GitTool(client, namespace)
        if getattr(request, "param", "") == FLUX:
            kubectl = Kubectl(control_plane.clients() / "kubectl", control_plane.kubeconfig, namespace)
            tool = FluxTool(client, namespace, stack.enter_context(flux(kubectl, tmp_path)))
        async with (
            FakeKubelet(client, shop.behave, namespace=namespace),
            operator(control_plane, namespace, *all_controllers(Settings())),
        ):
            yield Story(shop, tool)


@pytest.mark.deep
@pytest.mark.parametrize("story", ["the tool in small", FLUX], indirect=True)
async def test_a_history_of_commits(story: Story) -> None:
    shop, tool = story.shop, story.tool

    # Everything at once: the first version is trained and promoted, and then served; nobody has asked it yet.
    await story.ready(FIRST)
    first = await story.version_of("digits-1")
    await story.rolls_out(first)
    assert [job["metadata"]["name"] for job in await shop.all(JOBS) if "-monitor-" in job["metadata"]["name"]] == []

    # A second version is a new TrainingJob. It serves when a Promotion names it.
    second_trained = {**FIRST, "train-2.yaml": training("digits-2", seed=2)}
    await story.ready(second_trained)
    second = await story.version_of("digits-2")
    assert (await story.serves(), second != first) == (first, True)
    promoted = {**second_trained, "promote.yaml": promotion(second)}
    await story.ready(promoted)
    await story.rolls_out(second)

    # git revert: the Promotion names the former version again, which passes without another measurement.
    undone = {**second_trained, "promote.yaml": promotion(first)}
    await story.ready(undone)
    await story.rolls_out(first)
    assert (await tool.read("Promotion", "digits-champion"))["status"]["rollback"] is True

    # A bad commit: nothing of it is applied, the message names file and rule, and what served serves.
    invalid = obj("TrainingJob", "digits-3", {"image": "example/train:1", "replicas": -1})
    bad = {**undone, "train-3.yaml": invalid, "train-4.yaml": training("digits-4", seed=4)}
    problem = await tool.reconcile(bad)
    assert "digits-3" in problem
    assert "spec.replicas" in problem
    names = [entry["metadata"]["name"] for entry in await shop.all(TRAINING_JOBS)]
    assert sorted(names) == ["digits-1", "digits-2"]
    assert await story.serves() == first
    await story.ready(undone)

    # An edit of a finished TrainingJob trains nothing, and is reported; it is no failure.
    edited = {**undone, "train-1.yaml": training("digits-1", seed=9)}
    await story.ready(edited)
    status = (await tool.read("TrainingJob", "digits-1"))["status"]
    assert condition(status, "SpecChangeIgnored") == ("True", "Finished")
    assert "TrainingJob" in message(status, "SpecChangeIgnored")
    assert len(await shop.all(MODEL_VERSIONS)) == 2
    assert await story.serves() == first

    # Everything is removed: the versions are left, as the record of what was trained.
    await story.ready({})

    async def left() -> set[str]:
        kinds = (*OWN, DEPLOYMENTS, SERVICES)
        return {kind.kind for kind in kinds if await shop.all(kind)}

    await eventually(left, lambda kinds: kinds == {"ModelVersion"}, within=60)

    # git revert of the removal: nothing is trained again, and the first version serves.
    await story.ready(second_trained)
    await story.rolls_out(first)
    for name in ("digits-1", "digits-2"):
        status = (await tool.read("TrainingJob", name))["status"]
        assert (condition(status, "Complete"), status.get("attempts")) == (("True", "Restored"), None)

    if isinstance(tool, FluxTool):
        assert tool.judgments == [*[READY] * 4, ("False", "ReconciliationFailed"), *[READY] * 4]


async def test_a_revision_without_a_training_is_ready_at_once(story: Story) -> None:
    """Nothing is trained yet: the alias points nowhere, the deployment and the monitor have nothing to do."""
    await story.ready({file: manifest for file, manifest in FIRST.items() if file != "train-1.yaml"}, within=20)
    status = (await story.shop.get(MODEL_DEPLOYMENTS, "digits"))["status"]
    assert condition(status, "Ready") == ("True", "AliasUnset")
    assert condition((await story.shop.get(MODEL_MONITORS, "digits"))["status"], "Ready") == ("True", "NothingServed")
    assert await story.shop.all(JOBS) == []
