# SPDX-License-Identifier: Apache-2.0
"""ModelVersions on a real API server: the verification's pods are played by a fake kubelet."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from localcluster import Cluster
from mlops_contract import environment as names
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Invalid
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from tests.harness.audit import AuditLog, select
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.operators import operator
from tests.harness.waiting import eventually

DIGEST = f"sha256:{'a' * 64}"
URI = "pvc://store/model.joblib"
SPEC = {"model": "digits", "artifact": {"uri": URI, "digest": DIGEST, "format": "sklearn"}}

Behave = Callable[[Manifest], Behaviour | None]


def verified(pod: Manifest) -> Behaviour:
    """The artifact is what its digest says."""
    env = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
    artifact = {"name": "artifact", "uri": URI, "digest": DIGEST, "size": 7}
    return Behaviour(message=json.dumps({"v": 1, "uid": env[names.RUN_UID], "artifacts": [artifact]}))


def failing(reason: str, message: str = "m", *, exit_code: int = 3) -> Behaviour:
    return Behaviour(exit_code=exit_code, message=json.dumps({"reason": reason, "message": message}))


class Place:
    """One namespace with the registry's controllers at work."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    async def create(self, name: str = "digits-1") -> Manifest:
        manifest = MODEL_VERSIONS.manifest(name=name, namespace=self.namespace)
        return await self.client.create(MODEL_VERSIONS, {**manifest, "spec": SPEC})

    async def create_model(self, **spec: Any) -> Manifest:
        manifest = MODELS.manifest(name="digits", namespace=self.namespace)
        return await self.client.create(MODELS, {**manifest, "spec": spec})

    async def get(self, name: str = "digits-1") -> Manifest:
        return await self.client.get(MODEL_VERSIONS, namespace=self.namespace, name=name)

    async def ready(self, reason: str, name: str = "digits-1", *, within: float = 20.0) -> Manifest:
        """The status, as soon as the reason of `Ready` is this one."""

        def accept(obj: Manifest) -> bool:
            conditions = (obj.get("status") or {}).get("conditions", ())
            return any(entry["type"] == "Ready" and entry["reason"] == reason for entry in conditions)

        status: Manifest = (await eventually(lambda: self.get(name), accept, within=within))["status"]
        return status

    async def jobs(self) -> list[str]:
        return [job["metadata"]["name"] for job in (await self.client.list(JOBS, namespace=self.namespace)).items]


@pytest.fixture
def stage(control_plane: Cluster, client: Client, namespace: str) -> Callable[..., Any]:
    """Opens the place with pods that behave as told."""

    @asynccontextmanager
    async def open_place(behave: Behave) -> AsyncIterator[Place]:
        await install_crds(client)
        controllers = (ModelController(Settings()), ModelVersionController(Settings()))
        kubelet = FakeKubelet(client, behave, namespace=namespace)
        async with kubelet, operator(control_plane, namespace, *controllers):
            yield Place(client, namespace)

    return open_place


async def test_a_verified_version_is_ready_and_numbered_by_its_model(stage: Callable[..., Any]) -> None:
    async with stage(verified) as place:
        await place.create_model()
        await place.create()
        await place.ready("Verified")
        obj = await eventually(place.get, lambda found: found["status"].get("version") == 1)
        assert obj["status"]["phase"] == "Ready"


async def test_a_verification_costs_its_job_one_read_and_one_status(
    stage: Callable[..., Any], audit_log: AuditLog
) -> None:
    async with stage(verified) as place:
        await place.create_model()
        await place.create()
        await place.ready("Verified")
        await asyncio.sleep(1.0)
        counts = select(audit_log.read(), namespace=place.namespace, without=("leases", "events"))
        writes = {
            f"{request.verb} {request.resource}": number for request, number in counts.items() if request.is_write
        }
        # The Model writes once when it appears and once for the number, which may come in one.
        assert writes.pop("patch models") in (1, 2)
        assert writes == {"create jobs": 1, "patch modelversions": 1}
        reads = [number for request, number in counts.items() if request.resource == "pods"]
        assert sum(reads) == 1


async def test_a_missing_model_is_a_condition_and_the_verification_goes_on(stage: Callable[..., Any]) -> None:
    async with stage(verified) as place:
        await place.create()
        await place.ready("ModelNotFound")
        await eventually(place.get, lambda found: "verifiedAt" in found["status"])
        await place.create_model()
        await place.ready("Verified")


async def test_a_corrupt_artifact_is_final(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: failing("ArtifactCorrupt", "not what its digest says", exit_code=4)) as place:
        await place.create_model()
        await place.create()
        status = await place.ready("ArtifactCorrupt")
        assert status["phase"] == "Failed"
        assert next(entry["status"] for entry in status["conditions"] if entry["type"] == "Stalled") == "True"


async def test_a_missing_artifact_is_told_at_once_and_mends_itself(stage: Callable[..., Any]) -> None:
    there = False

    def behave(pod: Manifest) -> Behaviour:
        return verified(pod) if there else failing("ArtifactNotFound", "nothing there")

    async with stage(behave) as place:
        await place.create_model()
        await place.create()
        status = await place.ready("ArtifactNotFound", within=10.0)
        assert status["waiting"]["message"] == "nothing there"
        there = True
        status = await place.ready("Verified", within=30.0)
        assert status["attempts"] == 1
        (job,) = await place.jobs()
        assert "-verify-1-" in job


async def test_a_version_cannot_be_changed(client: Client, namespace: str) -> None:
    await install_crds(client)
    place = Place(client, namespace)
    await place.create()
    with pytest.raises(Invalid, match="spec is immutable"):
        await client.merge_patch(
            MODEL_VERSIONS,
            namespace=namespace,
            name="digits-1",
            body={"spec": {"artifact": {"digest": f"sha256:{'b' * 64}"}}},
        )
