# SPDX-License-Identifier: Apache-2.0
"""What is logged and measured about a Model on a real API server: each decision once, and nothing at a resync."""

import logging
from collections.abc import Callable

import aiohttp
import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.telemetry.telemetry import ObjectTelemetry
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, PROMOTIONS, Resource
from mlops_operator.runtime.logs import fields
from mlops_operator.runtime.manager import Manager
from tests.harness.crds import install_crds
from tests.harness.operators import operator
from tests.harness.waiting import eventually

ARTIFACT = {"uri": "pvc://store/v1", "digest": f"sha256:{'a' * 64}", "format": "sklearn"}


async def put(client: Client, namespace: str, resource: Resource, name: str, spec: Manifest) -> Manifest:
    return await client.create(resource, {**resource.manifest(name=name, namespace=namespace), "spec": spec})


async def report(client: Client, namespace: str, resource: Resource, name: str, **status: object) -> None:
    await client.merge_patch(
        resource, namespace=namespace, name=name, subresource="status", body={"status": {**status}}
    )


def condition(kind: str) -> Manifest:
    return {
        "type": kind,
        "status": "True",
        "reason": kind,
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


async def scraped(manager: Manager) -> dict[str, float]:
    assert manager.object_metrics is not None
    url = f"http://127.0.0.1:{manager.object_metrics.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (line for line in (await response.text()).splitlines() if line.startswith("mlops_model_"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.fixture
def decisions(caplog: pytest.LogCaptureFixture, namespace: str) -> Callable[[], list[tuple[str, str, str]]]:
    """Message, name and reason or child of each line about the namespace."""
    caplog.set_level(logging.INFO, logger="mlops_operator.runtime.work.decisions")

    def read() -> list[tuple[str, str, str]]:
        found = [(record.getMessage(), fields(record)) for record in caplog.records if "decisions" in record.name]
        return [
            (message, about["name"], about.get("reason") or about.get("child_kind") or "")
            for message, about in found
            if about["namespace"] == namespace
        ]

    return read


async def test_an_alias_that_moves_is_logged_once_and_measured_while_its_model_is_there(
    control_plane: Cluster, client: Client, namespace: str, decisions: Callable[[], list[tuple[str, str, str]]]
) -> None:
    await install_crds(client)
    telemetry = ObjectTelemetry(objects=True)
    async with operator(control_plane, namespace, ModelController(Settings()), telemetry=telemetry) as manager:
        await put(client, namespace, MODELS, "digits", {"aliases": [{"name": "champion"}]})
        made = await put(client, namespace, MODEL_VERSIONS, "v1", {"model": "digits", "artifact": ARTIFACT})
        await report(client, namespace, MODEL_VERSIONS, "v1", conditions=[condition("Ready")])
        await put(client, namespace, PROMOTIONS, "p1", {"model": "digits", "alias": "champion", "version": "v1"})
        candidate = {"name": "v1", "uid": made["metadata"]["uid"], "digest": ARTIFACT["digest"]}
        passed = {"observedGeneration": 1, "phase": "Promoting", "conditions": [condition("GatePassed")]}
        await report(client, namespace, PROMOTIONS, "p1", candidate=candidate, **passed)

        async def read() -> list[tuple[str, str, str]]:
            return decisions()

        moved = ("decision", "digits", "AliasMoved")
        said = await eventually(read, lambda found: moved in found)
        assert said.count(moved) == 1
        assert said.count(("decision", "digits", "VersionAdded")) == 1
        assert [line[:2] for line in said if line[0] == "phase changed"] == [("phase changed", "digits")]
        labels = f'{{alias="champion",name="digits",namespace="{namespace}"}}'
        await eventually(lambda: scraped(manager), lambda found: found.get(f"mlops_model_alias_version{labels}") == 1)

        reconciler = manager._reconcilers[MODELS]
        reconciler.resync()

        async def waiting() -> int:
            return len(reconciler.queue)

        await eventually(waiting, lambda length: length == 0)
        await reconciler.drain()
        assert decisions() == said

        await client.delete(MODELS, namespace=namespace, name="digits")
        await eventually(lambda: scraped(manager), lambda found: found == {})
