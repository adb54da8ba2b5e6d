# SPDX-License-Identifier: Apache-2.0
"""Models on a real API server: numbers, aliases and first offers; Promotions are played by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from tests.harness.audit import AuditLog, select
from tests.harness.crds import install_crds
from tests.harness.operators import operator
from tests.harness.waiting import eventually

SINCE = "2026-01-01T00:00:00Z"


def condition(kind: str, status: str, reason: str) -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": SINCE}


class Place:
    """One namespace with the Model controller at work."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace

    async def put(self, resource: Resource, name: str, spec: Manifest, status: Manifest | None = None) -> None:
        manifest = resource.manifest(name=name, namespace=self.namespace)
        await self.client.create(resource, {**manifest, "spec": spec})
        if status is not None:
            await self.report(resource, name, status)

    async def report(self, resource: Resource, name: str, status: Manifest) -> None:
        await self.client.merge_patch(
            resource, namespace=self.namespace, name=name, subresource="status", body={"status": status}
        )

    async def create_model(self, **alias: Any) -> None:
        await self.put(MODELS, "digits", {"aliases": [{"name": "champion", **alias}]})

    async def create_version(self, name: str) -> None:
        """A Ready version."""
        artifact = {"uri": f"pvc://store/{name}", "digest": f"sha256:{'a' * 64}", "format": "sklearn"}
        conditions = [condition("Ready", "True", "Verified")]
        await self.put(MODEL_VERSIONS, name, {"model": "digits", "artifact": artifact}, {"conditions": conditions})

    async def pass_promotion(self, name: str, version: str, *, origin: str | None = None) -> None:
        """A Promotion that the gate let through."""
        passed = condition("GatePassed", "True", "GatePassed")
        status: Manifest = {"observedGeneration": 1, "phase": "Promoting", "conditions": [passed]}
        status["candidate"] = await self.identity(version)
        if origin is not None:
            status |= {"from": origin, "fromUid": (await self.identity(origin))["uid"]}
        await self.put(PROMOTIONS, name, {"model": "digits", "alias": "champion", "version": version}, status)

    async def identity(self, version: str) -> Manifest:
        """Name, UID and digest of a version."""
        obj = await self.client.get(MODEL_VERSIONS, namespace=self.namespace, name=version)
        return {"name": version, "uid": obj["metadata"]["uid"], "digest": obj["spec"]["artifact"]["digest"]}

    async def get(self) -> Manifest:
        return await self.client.get(MODELS, namespace=self.namespace, name="digits")

    async def pointing_at(self, version: str) -> Manifest:
        """The alias, as soon as it points there."""

        def accept(obj: Manifest) -> bool:
            aliases = (obj.get("status") or {}).get("aliases", ())
            return any(entry["version"] == version for entry in aliases)

        (alias,) = (await eventually(self.get, accept))["status"]["aliases"]
        entry: Manifest = alias
        return entry

    async def promotions(self) -> list[Manifest]:
        return list((await self.client.list(PROMOTIONS, namespace=self.namespace)).items)


@pytest.fixture
def stage(control_plane: Cluster, client: Client, namespace: str) -> Callable[[], Any]:
    """Opens the place."""

    @asynccontextmanager
    async def open_place() -> AsyncIterator[Place]:
        await install_crds(client)
        async with operator(control_plane, namespace, ModelController(Settings())):
            yield Place(client, namespace)

    return open_place


async def test_versions_are_numbered_and_the_numbers_kept(stage: Callable[[], Any]) -> None:
    async with stage() as place:
        await place.create_model()
        await place.create_version("first")
        await eventually(place.get, lambda found: found["status"].get("latestVersion") == 1)
        await place.create_version("a-second")
        obj = await eventually(place.get, lambda found: found["status"].get("latestVersion") == 2)
        assert {entry["name"]: entry["number"] for entry in obj["status"]["versions"]} == {"first": 1, "a-second": 2}


async def test_passed_promotions_move_the_alias_and_its_history_stays(stage: Callable[[], Any]) -> None:
    async with stage() as place:
        await place.create_model()
        for name in ("v1", "v2"):
            await place.create_version(name)
        await place.pass_promotion("p1", "v1")
        await place.pointing_at("v1")
        await place.report(PROMOTIONS, "p1", {"phase": "Promoted"})
        await place.pass_promotion("p2", "v2", origin="v1")
        alias = await place.pointing_at("v2")
        assert alias["promotion"] == "p2"
        assert [term["version"] for term in alias["history"]] == ["v1"]
        await place.pass_promotion("late", "v1", origin="v1")
        await asyncio.sleep(0.5)
        assert (await place.pointing_at("v2"))["promotion"] == "p2"


async def test_an_empty_alias_is_offered_the_first_ready_version(stage: Callable[[], Any]) -> None:
    async with stage() as place:
        await place.create_model(bootstrap=True)
        await place.create_version("v1")
        (offer,) = await eventually(place.promotions, bool)
        assert offer["spec"]["version"] == "v1"
        assert offer["metadata"]["ownerReferences"][0]["kind"] == "Model"
        await place.report(PROMOTIONS, offer["metadata"]["name"], {"observedGeneration": 1, "phase": "Rejected"})
        await place.create_version("v2")
        offers = await eventually(place.promotions, lambda found: len(found) == 2)
        assert {entry["spec"]["version"] for entry in offers} == {"v1", "v2"}


async def test_an_unchanged_model_costs_nothing(
    stage: Callable[[], Any], audit_log: AuditLog, client: Client, namespace: str
) -> None:
    async with stage() as place:
        await place.create_model()
        await place.create_version("v1")
        await place.pass_promotion("p1", "v1")
        await place.pointing_at("v1")
        await asyncio.sleep(0.5)
        audit_log.skip()
        label = {"metadata": {"labels": {"team": "vision"}}}
        await client.merge_patch(MODELS, namespace=namespace, name="digits", body=label)
        await asyncio.sleep(1.0)
        counts = select(audit_log.read(), namespace=namespace)
        assert [request for request in counts if request.is_write] == []
