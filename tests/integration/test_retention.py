# SPDX-License-Identifier: Apache-2.0
"""Artifacts beyond a retention policy on a real API server: the files of one version and one run go, and no others."""

import asyncio
from typing import Final

import pytest

from localcluster import Cluster
from mlops_contract.models.result import Artifact, Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Forbidden, Invalid
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    TRAINING_JOBS,
)
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.integration.attacks.users import user
from tests.integration.workshop import Workshop, digest_of, message, operator

POLICY: Final[Manifest] = {"keepVersions": 0, **dict.fromkeys(("keepFor", "keepHistoryFor", "keepRunsFor"), "0s")}
FAILED: Final = ("broken", "claimed")
TRAINED: Final = ("former", "champion", "pinned", "measured", "old")
SETTINGS: Final = Settings(removal_settle=2.0)


class Shop(Workshop):
    """A namespace whose trainings leave their artifacts where they are told to."""

    def behave(self, pod: Manifest) -> Behaviour:
        component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
        env = {entry["name"]: entry.get("value", "") for entry in pod["spec"]["containers"][0].get("env") or ()}
        if component == "training":
            if pod["metadata"]["labels"]["batch.kubernetes.io/job-name"].startswith(FAILED):
                return Behaviour(exit_code=1)
            uri, uid = env["MLOPS_OUTPUT_URI"], env["MLOPS_RUN_UID"]
            model = Artifact(name="model", uri=f"{uri}/model.joblib", digest=digest_of(uid), format="sklearn", size=10)
            return Behaviour(message=Result(uid=uid, artifacts=(model,)).to_message())
        if component == "remove":
            return Behaviour(message=Result(uid=env["MLOPS_RUN_UID"], counts={"files": 2, "bytes": 20}).to_message())
        return super().behave(pod)

    async def train(self, name: str) -> str:
        """The verified version that a new TrainingJob makes."""
        await self.create(TRAINING_JOBS, name, {"image": "example/train:1", "model": "digits"})
        version = str((await self.phase(TRAINING_JOBS, name, "Succeeded"))["modelVersion"])
        await self.phase(MODEL_VERSIONS, version, "Ready")
        return version

    async def fail(self, name: str) -> str:
        """The folder of a new TrainingJob that has failed."""
        await self.create(TRAINING_JOBS, name, {"image": "example/train:1", "model": "digits", "backoffLimit": 0})
        (attempt,) = (await self.phase(TRAINING_JOBS, name, "Failed"))["attempts"]
        return str(attempt["output"]).removesuffix("/0")

    async def promote(self, version: str) -> Manifest:
        """The status of a new Promotion that was decided."""
        # Promotions of one second are ordered by name.
        name = f"promotion-{len(await self.all(PROMOTIONS))}"
        await self.create(PROMOTIONS, name, {"model": "digits", "alias": "champion", "version": version})
        final = ("Promoted", "Rejected", "Superseded")
        return await self.until(PROMOTIONS, name, lambda status: status.get("phase") in final)

    async def removed_folders(self) -> set[str]:
        """Places that Jobs of the Model may write to."""
        found = set()
        for job in await self.all(JOBS):
            if job["metadata"]["labels"]["app.kubernetes.io/component"] == "remove":
                (main,) = job["spec"]["template"]["spec"]["containers"]
                found |= {
                    mount.get("subPath", "") for mount in main["volumeMounts"] if mount["name"].startswith("pvc-")
                }
        return found


def names(entries: list[Manifest]) -> set[str]:
    return {str(entry["version"]) for entry in entries}


def folders_in(status: Manifest, entries: str) -> list[str]:
    """The folders in a list of `status.retention.runs`."""
    runs = (status.get("retention") or {}).get("runs") or {}
    return [str(entry["folder"]) for entry in runs.get(entries) or ()]


@pytest.fixture
async def shop(client: Client, namespace: str) -> Shop:
    await install_crds(client)
    return Shop(client, namespace)


async def test_only_the_files_of_a_version_out_of_use_go_whatever_a_registrar_creates(
    shop: Shop, client: Client, namespace: str, control_plane: Cluster
) -> None:
    shop.odd["evaluate"] = Behaviour(run_for=600.0)
    kubelet = FakeKubelet(client, shop.behave, namespace=namespace)
    async with kubelet, operator(control_plane, namespace, *all_controllers(SETTINGS)):
        await shop.create(MODELS, "digits", {"aliases": [{"name": "champion"}], "retention": {**POLICY, "grace": "1s"}})
        made = dict(zip(TRAINED, await asyncio.gather(*(shop.train(name) for name in TRAINED)), strict=True))
        broken, claimed = await asyncio.gather(*map(shop.fail, FAILED))
        for name in ("former", "champion"):
            assert (await shop.promote(made[name]))["phase"] == "Promoted"
        await shop.create(MODEL_DEPLOYMENTS, "web", {"model": {"name": "digits", "version": made["pinned"]}})
        data = [{"name": "d", "uri": "pvc://store/d"}]
        measured = {"candidate": made["measured"], "data": data, "metrics": [{"name": "accuracy", "min": 0.9}]}
        await shop.create(EVALUATIONS, "open", measured)
        await shop.edit(MODELS, "digits", metadata={"annotations": {"look": "again"}})
        folders = await _folders(shop, made)
        forged = await _attack(shop, client, namespace, control_plane, made, failed=claimed)
        await _forge_a_run(shop, client, namespace, control_plane, folders["champion"])

        def listed(status: Manifest) -> bool:
            retention = status.get("retention") or {}
            kept = names(retention.get("keptVersions") or [])
            runs = (folders_in(status, "folders"), folders_in(status, "keptFolders"))
            return (
                names(retention.get("versions") or []) == {made["old"]}
                and forged <= kept
                and runs == ([broken], [claimed])
            )

        await shop.until(MODELS, "digits", listed)
        assert await shop.removed_folders() == set()

        await shop.edit(MODELS, "digits", spec={"retention": {"mode": "Remove"}})
        status = await shop.until(MODELS, "digits", lambda status: bool(folders_in(status, "lastRemoved")))
        assert names(status["retention"]["lastRemoved"]) == {made["old"]}
        assert folders_in(status, "lastRemoved") == [broken]
        assert status["retention"]["removedSize"] == 40
        assert (await shop.phase(MODEL_VERSIONS, made["old"], "Removed"))["runFolder"] == folders["old"]
        for name, gone in zip(FAILED, ([broken], []), strict=True):
            assert (await shop.get(TRAINING_JOBS, name))["status"].get("removedFolders", []) == gone
        places = {folder.removeprefix("pvc://mlops-artifacts/") for folder in (folders["old"], broken)}
        assert await shop.removed_folders() == places
        refused = await shop.promote(made["old"])
        assert (refused["phase"], "ArtifactRemoved" in message(refused)) == ("Rejected", True)
        for name in ("former", "champion", "pinned", "measured"):
            assert (await shop.get(MODEL_VERSIONS, made[name]))["status"]["phase"] == "Ready"
        assert names((await shop.get(MODELS, "digits"))["status"]["retention"]["keptVersions"]) >= forged


async def _folders(shop: Shop, made: dict[str, str]) -> dict[str, str]:
    return {name: (await shop.get(MODEL_VERSIONS, version))["status"]["runFolder"] for name, version in made.items()}


async def _forge_a_run(shop: Shop, client: Client, namespace: str, control_plane: Cluster, folder: str) -> None:
    """A trainer claims that a run of theirs has left its files in the folder of another TrainingJob."""
    attempt = {"index": 0, "job": "j", "generation": 1, "outcome": "Failed", "output": f"{folder}/0"}
    status = {"phase": "Failed", "completionTime": "2026-01-01T00:00:00Z", "attempts": [attempt]}
    spec = {"image": "example/train:1", "model": "digits", "suspend": True}
    async with user("trainer", control_plane, client, namespace) as trainer:
        manifest = TRAINING_JOBS.manifest(name="forged", namespace=namespace)
        await trainer.create(TRAINING_JOBS, {**manifest, "spec": spec, "status": status})
        with pytest.raises(Forbidden):
            await trainer.merge_patch(
                TRAINING_JOBS, namespace=namespace, name="forged", subresource="status", body={"status": status}
            )
    assert "attempts" not in await shop.phase(TRAINING_JOBS, "forged", "Suspended")


async def _attack(
    shop: Shop, client: Client, namespace: str, control_plane: Cluster, made: dict[str, str], *, failed: str
) -> frozenset[str]:
    """ModelVersions of a registrar that claim files of others; their names."""
    specs = {name: (await shop.get(MODEL_VERSIONS, version))["spec"] for name, version in made.items()}
    champion = specs["champion"]["artifact"]
    run = champion["uri"].removesuffix("/model.joblib")
    parent = run.rsplit("/", 1)[0]
    claims = {
        "same-artifact": champion,
        "the-run": {**champion, "uri": run},
        "the-training": {**champion, "uri": parent},
        "all-trainings": {**champion, "uri": parent.rsplit("/", 1)[0]},
        "the-store": {**champion, "uri": "pvc://mlops-artifacts"},
        "a-failed-run": {**champion, "uri": f"{failed}/0/model.joblib"},
        "gate-rows": {**champion, "uri": "pvc://store/holdout.npz"},
    }
    async with user("registrar", control_plane, client, namespace) as registrar:
        for name, artifact in claims.items():
            # With the lineage of the version that is about to be removed, whose record exists.
            spec = {**specs["old"], "artifact": artifact}
            manifest = MODEL_VERSIONS.manifest(name=name, namespace=namespace)
            await registrar.create(MODEL_VERSIONS, {**manifest, "spec": spec})
        climbing = {**specs["old"], "artifact": {**champion, "uri": f"{run}/../../x"}}
        manifest = MODEL_VERSIONS.manifest(name="climbing", namespace=namespace)
        with pytest.raises(Invalid, match="uri"):
            await registrar.create(MODEL_VERSIONS, {**manifest, "spec": climbing})
        for name in claims:
            await shop.phase(MODEL_VERSIONS, name, "Ready")
            with pytest.raises(Forbidden):
                await registrar.merge_patch(
                    MODEL_VERSIONS,
                    namespace=namespace,
                    name=name,
                    subresource="status",
                    body={"status": {"runFolder": parent}},
                )
    return frozenset(claims)
