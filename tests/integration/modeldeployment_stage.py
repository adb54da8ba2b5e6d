# SPDX-License-Identifier: Apache-2.0
"""A Model, its versions, a ModelDeployment, and pods that behave by version, on a real API server."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.names import ANNOTATION_VERSION
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    SERVICES,
    Resource,
)
from mlops_operator.kube.watch import watch
from tests.harness.kubelet import SERVE, Behaviour
from tests.harness.waiting import eventually

NAME = "digits"
LOAD_FAILS = Behaviour(run_for=0, exit_code=1, message="ModelLoadFailed: not a pickle")


class Stage:
    """One namespace with a Model, its versions, and pods that behave by version."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.servers: dict[str, Behaviour] = {}
        self.mismatches: Counter[str] = Counter()

    def behave(self, pod: Manifest) -> Behaviour:
        container = pod["spec"]["containers"][0]
        env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        if "MLOPS_GOLDEN" in env:
            asked = json.loads(env["MLOPS_GOLDEN"])
            counts = {"requests": 20, "mismatches": self.mismatches[asked["modelVersion"]], "errors": 0, "slow": 0}
            counts["endpoints"] = len(asked.get("endpoints", ()))
            result = Result(uid=env["MLOPS_RUN_UID"], counts=counts, metrics={"latency_p99": 0.01})
            return Behaviour(message=result.to_message())
        versions = [entry.partition("=")[2] for entry in container["args"] if entry.startswith("--model-version=")]
        return self.servers.get(versions[0], SERVE) if versions else SERVE

    async def model(self, version: str) -> None:
        """The Model, with its alias at `version`."""
        await self._put(MODELS, "digits", {"aliases": [{"name": "champion"}]})
        await self.point(version)

    async def point(self, version: str) -> None:
        found = await self.client.get(MODEL_VERSIONS, namespace=self.namespace, name=version)
        alias = {
            "name": "champion",
            "version": version,
            "versionUid": found["metadata"]["uid"],
            "digest": found["spec"]["artifact"]["digest"],
            "promotion": "p",
            "promotionUid": "u",
            "since": "2026-01-01T00:00:00Z",
        }
        await self._status(MODELS, "digits", {"aliases": [alias]})

    async def version(self, name: str, *, golden: bool = True) -> None:
        """A verified ModelVersion."""
        digest = "sha256:" + name[-1] * 64
        spec: Manifest = {
            "model": "digits",
            "artifact": {"uri": f"pvc://store/{name}", "digest": digest, "format": "sklearn"},
        }
        if golden:
            spec["goldenRequests"] = {"uri": f"pvc://store/{name}.golden", "digest": digest}
        await self._put(MODEL_VERSIONS, name, spec)
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Verified",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        await self._status(MODEL_VERSIONS, name, {"conditions": [ready]})

    async def deploy(self, **spec: Any) -> None:
        """The ModelDeployment; its rollouts end with the hand-over unless a bake is declared."""
        rollout = {"bake": "0s", **spec.get("rollout", {})}
        model = {"name": "digits", "alias": "champion"}
        await self._put(MODEL_DEPLOYMENTS, NAME, {"model": model, **spec, "rollout": rollout})

    async def edit(self, **spec: Any) -> None:
        await self.client.merge_patch(MODEL_DEPLOYMENTS, namespace=self.namespace, name=NAME, body={"spec": spec})

    async def scale(self, replicas: int) -> None:
        """As `kubectl scale` does it."""
        await self.client.merge_patch(
            MODEL_DEPLOYMENTS,
            namespace=self.namespace,
            name=NAME,
            subresource="scale",
            body={"spec": {"replicas": replicas}},
        )

    async def get(self) -> Manifest:
        return await self.client.get(MODEL_DEPLOYMENTS, namespace=self.namespace, name=NAME)

    async def all(self, resource: Resource) -> list[Manifest]:
        return list((await self.client.list(resource, namespace=self.namespace)).items)

    async def until(self, accept: Callable[[Manifest], bool], *, within: float = 30.0) -> Manifest:
        """The status, as soon as it is accepted."""

        async def look() -> Manifest:
            return (await self.get()).get("status") or {}

        return await eventually(look, accept, within=within)

    async def serving(self, version: str) -> Manifest:
        """The status, as soon as `version` serves and nothing else is going on."""
        return await self.until(
            lambda status: condition(status, "Ready") == ("True", "Serving") and status["stable"]["version"] == version
        )

    async def versions(self) -> dict[str, int]:
        """Replicas asked for, by version."""
        return {
            entry["metadata"]["annotations"][ANNOTATION_VERSION]: entry["spec"]["replicas"]
            for entry in await self.all(DEPLOYMENTS)
        }

    async def _put(self, resource: Resource, name: str, spec: Manifest) -> None:
        manifest = resource.manifest(name=name, namespace=self.namespace)
        manifest["spec"] = spec
        await self.client.create(resource, manifest)

    async def _status(self, resource: Resource, name: str, status: Manifest) -> None:
        await self.client.merge_patch(
            resource, namespace=self.namespace, name=name, subresource="status", body={"status": status}
        )


def condition(status: Manifest, kind: str) -> tuple[str, str]:
    """Status and reason of a condition; empty where it is not there."""
    for entry in status.get("conditions") or ():
        if entry["type"] == kind:
            return entry["status"], entry["reason"]
    return "", ""


@asynccontextmanager
async def traffic(stage: Stage) -> AsyncIterator[list[int]]:
    """Ready replicas behind the traffic Service, at every change of a Deployment or of the Service."""
    deployments = {entry["metadata"]["name"]: entry for entry in await stage.all(DEPLOYMENTS)}
    service = [await stage.client.get(SERVICES, namespace=stage.namespace, name=NAME)]
    seen: list[int] = []

    def note() -> None:
        seen.append(sum(_ready(entry) for entry in deployments.values() if _selects(service[0], entry)))

    async def follow(resource: Resource, take: Callable[[str, Manifest], None]) -> None:
        version = (await stage.client.list(resource, namespace=stage.namespace)).resource_version
        stream = watch(stage.client, resource, namespace=stage.namespace, resource_version=version)
        async with aclosing(stream):
            async for event in stream:
                take(event.type, event.object)
                note()

    def take_deployment(kind: str, obj: Manifest) -> None:
        if kind == "DELETED":
            deployments.pop(obj["metadata"]["name"], None)
        elif kind != "BOOKMARK":
            deployments[obj["metadata"]["name"]] = obj

    def take_service(kind: str, obj: Manifest) -> None:
        if kind != "BOOKMARK" and obj["metadata"]["name"] == NAME:
            service[0] = obj

    followers: list[Coroutine[Any, Any, None]] = [
        follow(DEPLOYMENTS, take_deployment),
        follow(SERVICES, take_service),
    ]
    tasks = [asyncio.create_task(entry) for entry in followers]
    try:
        yield seen
        await asyncio.sleep(0.2)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [result for result in results if isinstance(result, Exception)]
    assert not failed, failed


def _ready(deployment: Manifest) -> int:
    ready: int = min((deployment.get("status") or {}).get("readyReplicas", 0), deployment["spec"]["replicas"])
    return ready


def _selects(service: Manifest, deployment: Manifest) -> bool:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    return all(labels.get(name) == value for name, value in service["spec"]["selector"].items())
