# SPDX-License-Identifier: Apache-2.0
"""examples/digits and an object of every kind from Git, by Flux's kustomize-controller and by Helm.

Nobody sends a request, and there is no prediction log. Flux waits until every object is ready by kstatus.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from demo.story import EXAMPLES
from localcluster import Cluster
from localcluster.kubectl import Kubectl
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS, MODEL_MONITORS, MODEL_VERSIONS, OWN, TRAINING_JOBS
from tests.harness.crds import install_crds
from tests.harness.flux import Flux, flux
from tests.harness.kubelet import SUCCEED, Behaviour, FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, condition, operator

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1200)]

WAIT_SECONDS = 240
INTERVAL_SECONDS = 10
LATER = 3
"""Intervals after the first at which everything has to be unchanged."""

SCRIPTS = ("digits.py", "prepare.py", "train.py", "client.py")
OBJECTS = ("store.yaml", "prepare.yaml", "model.yaml", "train.yaml", "serve.yaml", "monitor.yaml", "retrain.yaml")

MADE = ("deployment", "service", "job", "pod", "configmap", "secret", "networkpolicy", "poddisruptionbudget")
"""Kinds of what is applied or made beside our own."""

NO_LOG = Behaviour(exit_code=3, message=json.dumps({"reason": "DataNotFound", "message": "found nothing at log"}))
"""What a monitor's pod finds before the first request."""


def example(*resources: str) -> dict[str, str]:
    """The files of a revision: scripts, and a kustomization with these files of examples/digits."""
    files = {name: (EXAMPLES / name).read_text() for name in (*SCRIPTS, *resources)}
    kustomization = yaml.safe_load((EXAMPLES / "kustomization.yaml").read_text()) | {"resources": list(resources)}
    return {**files, "kustomization.yaml": yaml.safe_dump(kustomization)}


def with_more(files: dict[str, str], *objects: Manifest) -> dict[str, str]:
    """The files with objects added."""
    kustomization = yaml.safe_load(files["kustomization.yaml"])
    kustomization["resources"].append("more.yaml")
    return {**files, "more.yaml": yaml.safe_dump_all(objects), "kustomization.yaml": yaml.safe_dump(kustomization)}


def manifest(kind: str, name: str, **spec: object) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


class Scene:
    """A namespace with pods that are played, an operator, and a volume for the example's claim."""

    def __init__(self, shop: Workshop, kubectl: Kubectl) -> None:
        self.shop = shop
        self.kubectl = kubectl

    async def version(self) -> str:
        return str((await self.shop.get(TRAINING_JOBS, "digits-first"))["status"]["modelVersion"])

    async def serves_without_traffic(self) -> None:
        """The version is served, and the monitor waits for the first request, which is no failure.

        That follows by itself, a moment after a tool has found everything ready: a deployment whose alias points
        nowhere yet is ready as well.
        """

        async def served() -> tuple[str | None, str | None]:
            training = await self.shop.get(TRAINING_JOBS, "digits-first")
            deployment = await self.shop.get(MODEL_DEPLOYMENTS, "digits")
            stable = (deployment.get("status") or {}).get("stable") or {}
            return (training.get("status") or {}).get("modelVersion"), stable.get("version")

        await eventually(served, lambda found: found[0] is not None and found[0] == found[1], within=120)
        monitor = (await self.shop.get(MODEL_MONITORS, "digits-accuracy"))["status"]
        status, reason = condition(monitor, "Ready")
        assert (status, reason in ("NothingServed", "WaitingForWindow", "NoPredictionsYet")) == ("True", True), reason

    async def of_the_other_kinds(self) -> list[Manifest]:
        """A Promotion, an Evaluation and a ModelVersion: of the version that the first revision has trained."""
        version = await self.version()
        artifact = (await self.shop.get(MODEL_VERSIONS, version))["spec"]["artifact"]
        holdout = {"name": "holdout", "uri": "pvc://mlops-artifacts/data/holdout.npz"}
        return [
            manifest("Promotion", "digits-champion", model="digits", alias="champion", version=version),
            manifest(
                "Evaluation",
                "digits-holdout",
                candidate=version,
                data=[holdout],
                metrics=[{"name": "accuracy", "min": 0.9}],
            ),
            manifest("Model", "archive", aliases=[{"name": "kept"}]),
            manifest("ModelVersion", "archive-1", model="archive", artifact=artifact),
        ]

    async def only_versions_remain(self, version: str, **others: list[str]) -> None:
        """All that was applied is pruned with what it made; the record of the training and its artifacts are kept."""
        expected = {"modelversion": [version], **others}

        def left() -> dict[str, list[str]]:
            kinds = (*(own.kind.lower() for own in OWN), *MADE)
            # The check of the version's artifact belongs to the version, and goes some minutes after its end.
            selector = "app.kubernetes.io/component!=verify"
            listed = {kind: [one["metadata"]["name"] for one in self.kubectl.list(kind, selector)] for kind in kinds}
            listed["configmap"] = [name for name in listed["configmap"] if name != "kube-root-ca.crt"]
            return {kind: names for kind, names in listed.items() if names}

        async def look() -> dict[str, list[str]]:
            return await asyncio.to_thread(left)

        await eventually(look, lambda found: found == expected, within=120)
        claim = await asyncio.to_thread(self.kubectl.get, "persistentvolumeclaim", "mlops-artifacts")
        assert claim is not None
        assert claim["status"]["phase"] == "Bound"


@pytest.fixture
async def scene(client: Client, namespace: str, control_plane: Cluster) -> AsyncIterator[Scene]:
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
        yield Scene(shop, kubectl)
    kubectl.run("delete", "persistentvolume", namespace, "--wait=false")


@pytest.fixture
def tool(scene: Scene, tmp_path: Path) -> Iterator[Flux]:
    with flux(scene.kubectl, tmp_path) as tool:
        yield tool


async def commit(tool: Flux, files: dict[str, str]) -> None:
    ready = await asyncio.to_thread(tool.commit, files, timeout=WAIT_SECONDS, interval=f"{INTERVAL_SECONDS}s")
    assert (ready["status"], ready["reason"]) == ("True", "ReconciliationSucceeded"), ready["message"]


async def test_flux_finds_everything_ready_unchanged_and_prunes_it(scene: Scene, tool: Flux) -> None:
    await commit(tool, example(*OBJECTS))
    await scene.serves_without_traffic()
    version = await scene.version()

    await commit(tool, with_more(example(*OBJECTS), *await scene.of_the_other_kinds()))
    before = len(tool.applied())

    async def later() -> list[dict[str, str]]:
        return tool.applied()[before:]

    found = await eventually(later, lambda times: len(times) >= LATER, within=6.0 * LATER * INTERVAL_SECONDS)
    assert {key.partition("/")[0] for key in found[0]} >= {own.kind for own in OWN}
    assert {what for applied in found for what in applied.values()} == {"unchanged"}
    await scene.serves_without_traffic()

    await commit(tool, example("store.yaml"))
    await scene.only_versions_remain(version, configmap=["digits-scripts"])
    await asyncio.to_thread(tool.remove)
    await scene.only_versions_remain(version)


async def test_helm_waits_until_everything_is_ready_and_removes_it(
    scene: Scene, control_plane: Cluster, tmp_path: Path
) -> None:
    folder, chart = tmp_path / "example", tmp_path / "chart"
    folder.mkdir()
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: digits\nversion: 1.0.0\n")
    # Taken as it is: braces in the scripts are not Helm's.
    (chart / "templates/objects.yaml").write_text('{{ .Files.Get "objects.yaml" }}\n')
    helm = (str(control_plane.clients() / "helm"), f"--kubeconfig={control_plane.kubeconfig}")
    place = f"--namespace={scene.shop.namespace}"

    async def run(*arguments: str) -> None:
        command = [*helm, *arguments, place, "--wait", f"--timeout={WAIT_SECONDS}s"]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    async def upgrade(files: dict[str, str]) -> None:
        for name, text in files.items():
            (folder / name).write_text(text)
        (chart / "objects.yaml").write_text(await asyncio.to_thread(scene.kubectl.run, "kustomize", str(folder)))
        await run("upgrade", "--install", "digits", str(chart), "--wait-for-jobs")

    async def generations() -> dict[str, int]:
        objects = [one for own in OWN for one in await scene.shop.all(own)]
        return {one["metadata"]["uid"]: one["metadata"]["generation"] for one in objects}

    await upgrade(example(*OBJECTS))
    await scene.serves_without_traffic()
    version = await scene.version()

    every_kind = with_more(example(*OBJECTS), *await scene.of_the_other_kinds())
    await upgrade(every_kind)
    before = await generations()
    await upgrade(every_kind)
    assert await generations() == before

    await run("uninstall", "digits")
    await scene.only_versions_remain(version)
