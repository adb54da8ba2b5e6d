# SPDX-License-Identifier: Apache-2.0
"""A namespace in which the kinds work together: objects made and read, and pods that report what the test chose.

There are no nodes: a fake kubelet ends every Job's pod with the result that its task would leave.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from localcluster import Cluster
from mlops_contract.models.result import Artifact, DataDigest, Result
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import MODEL_VERSIONS, Resource
from mlops_operator.runtime.manager import Manager, Options
from mlops_operator.runtime.work.controller import Controller
from tests.harness.audit import AuditLog, select
from tests.harness.evaluations import counts_of_rule, figures_of_rule
from tests.harness.kubelet import SERVE, Behaviour
from tests.harness.proxy import Proxy
from tests.harness.waiting import eventually

LAG = 0.3
"""Seconds by which the audit log may be behind an answer."""


class Workshop:
    """One namespace.

    Attributes:
        accuracy: on the gate's frozen rows, by the digest of the version's artifact; 0.95 by default.
        live: accuracy in a monitoring window, by the name of the version; 0.97 by default.
        rows: labeled rows in a monitoring window.
        recent: labeled held-out rows of a gate's prediction log.
        verify_for: seconds that the verification of a version takes.
        odd: behaviour of a component's pods in place of success.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.accuracy: dict[str, float] = {}
        self.live: dict[str, float] = {}
        self.rows = 200
        self.recent = 300
        self.verify_for = 0.0
        self.odd: dict[str, Behaviour] = {}

    # -- objects ---------------------------------------------------------------------------

    async def create(self, resource: Resource, name: str, spec: Manifest, **metadata: Any) -> Manifest:
        manifest = resource.manifest(name=name, namespace=self.namespace)
        manifest["metadata"] |= metadata
        manifest["spec"] = spec
        return await self.client.create(resource, manifest)

    async def edit(self, resource: Resource, name: str, **body: Any) -> None:
        await self.client.merge_patch(resource, namespace=self.namespace, name=name, body=body)

    async def say(self, resource: Resource, name: str, status: Manifest) -> None:
        """Write a status, as the controller of a kind would that does not run here."""
        await self.client.merge_patch(
            resource, namespace=self.namespace, name=name, subresource="status", body={"status": status}
        )

    async def get(self, resource: Resource, name: str) -> Manifest:
        return await self.client.get(resource, namespace=self.namespace, name=name)

    async def all(self, resource: Resource) -> list[Manifest]:
        return list((await self.client.list(resource, namespace=self.namespace)).items)

    async def until(
        self, resource: Resource, name: str, accept: Callable[[Manifest], bool], *, within: float = 30.0
    ) -> Manifest:
        """The status of an object, as soon as it is accepted."""

        async def look() -> Manifest:
            return (await self.get(resource, name)).get("status") or {}

        return await eventually(look, accept, within=within)

    async def phase(self, resource: Resource, name: str, phase: str, *, within: float = 30.0) -> Manifest:
        """The status of an object, as soon as it is in this phase."""
        return await self.until(resource, name, lambda status: status.get("phase") == phase, within=within)

    async def version(self, name: str, *, ready: bool = True) -> None:
        """A ModelVersion; verified by word of the test where its controller does not run."""
        spec = {
            "model": "digits",
            "artifact": {"uri": f"pvc://store/{name}", "digest": digest_of(name), "format": "sklearn"},
        }
        await self.create(MODEL_VERSIONS, name, spec)
        if ready:
            await self.verified(name)

    async def verified(self, name: str) -> None:
        """Say that a version's artifact is right."""
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Verified",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        await self.say(MODEL_VERSIONS, name, {"conditions": [ready]})

    # -- pods ------------------------------------------------------------------------------

    def behave(self, pod: Manifest) -> Behaviour:
        """What a pod does, by the component that it is."""
        component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
        if component in self.odd:
            return self.odd[component]
        container = next(entry for entry in pod["spec"]["containers"] if entry["name"] == "main")
        env = {entry["name"]: entry.get("value", "") for entry in container.get("env") or ()}
        if component == "server":
            return SERVE
        result = self._result(component, env, container.get("args") or [])
        return Behaviour(message=result.to_message(), run_for=self.verify_for if component == "verify" else 0.0)

    def _result(self, component: str, env: dict[str, str], args: list[str]) -> Result:
        uid = env["MLOPS_RUN_UID"]
        if component == "verify":
            uri, digest = args[args.index("--uri") + 1], args[args.index("--digest") + 1]
            return Result(uid=uid, artifacts=(Artifact(name="artifact", uri=uri, digest=digest, size=1000),))
        if component == "evaluate":
            return self._evaluated(uid, json.loads(env["MLOPS_EVALUATION"]))
        if component == "monitor":
            version = json.loads(env["MLOPS_MONITOR"])["version"]
            metrics = {"accuracy": self.live.get(version, 0.97)} if self.rows else {}
            return Result(uid=uid, metrics=metrics, counts={"rows": self.rows, "labeled": self.rows})
        if component == "training":
            model = Artifact(name="model", uri=f"pvc://store/{uid}", digest=digest_of(uid), format="sklearn")
            return Result(uid=uid, metrics={"accuracy": 0.97}, artifacts=(model,))
        if "MLOPS_GOLDEN" in env:
            asked = json.loads(env["MLOPS_GOLDEN"])
            count = 20 if "requests" in asked else 0
            endpoints = len(asked.get("endpoints", ()))
            counts = {"requests": count, "mismatches": 0, "errors": 0, "endpoints": endpoints}
            return Result(uid=uid, counts=counts)
        return Result(uid=uid)

    def _evaluated(self, uid: str, configuration: Manifest) -> Result:
        metrics: dict[str, float] = {}
        counts: dict[str, int] = {}
        candidate = self.accuracy.get(configuration["candidate"]["digest"], 0.95)
        baseline = None
        if configuration["baseline"] is not None:
            baseline = self.accuracy.get(configuration["baseline"]["digest"], 0.95)
        for position, rule in enumerate(configuration["metrics"]):
            change = rule.get("change") or 0.0
            metrics |= figures_of_rule(position, candidate, baseline, floor=rule.get("min"), change=change)
            counts |= counts_of_rule(position, 449 if rule.get("slice") else 898)
        if "recent" in configuration:
            end = datetime.fromisoformat(configuration["recent"]["end"])
            newest = round(end.timestamp() * 1000)
            counts |= {"recent.rows": self.recent, "recent.new": self.recent, "recent.newest": newest}
        data = tuple(
            DataDigest(name=entry["name"], digest=digest_of(entry["uri"])) for entry in configuration.get("data") or ()
        )
        return Result(uid=uid, metrics=metrics, counts=counts, data=data)


def digest_of(text: str) -> str:
    """A digest that belongs to `text` alone."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def condition(status: Manifest, kind: str) -> tuple[str, str]:
    """Status and reason of a condition; empty where it is not there."""
    for entry in status.get("conditions") or ():
        if entry["type"] == kind:
            return entry["status"], entry["reason"]
    return "", ""


def message(status: Manifest, kind: str = "Ready") -> str:
    """Message of a condition; empty where it is not there."""
    return next((entry["message"] for entry in status.get("conditions") or () if entry["type"] == kind), "")


@asynccontextmanager
async def operator(
    cluster: Cluster, namespace: str, *controllers: Controller, through: Proxy | None = None, user: str | None = None
) -> AsyncIterator[Manager]:
    """An operator for one namespace, in this process, while it is entered.

    Its requests may go through a proxy, or be those of another user than the administrator.
    """
    options = Options(namespaces=(namespace,), leader_elect=False, metrics_address="127.0.0.1:0")
    config = through.config() if through is not None else load_config(cluster.kubeconfig)
    if user is not None:
        config = replace(config, headers={"Impersonate-User": user})
    manager = Manager(config, controllers, options)
    running = asyncio.create_task(manager.run())

    async def ready() -> bool:
        return manager.ready

    try:
        await eventually(ready, within=30.0)
        yield manager
    finally:
        manager.stop()
        async with asyncio.timeout(30):
            await running


async def requests(audit_log: AuditLog, namespace: str, *, writes: bool = True) -> Counter[tuple[str, str]]:
    """The operator's writes (or all its requests but watches) since the last look, without events."""
    await asyncio.sleep(LAG)
    found: Counter[tuple[str, str]] = Counter()
    counts = select(audit_log.read(), namespace=namespace, writes=writes or None, without=("leases", "events"))
    for request, number in counts.items():
        if request.verb != "watch":
            found[request.verb, f"{request.resource}/{request.subresource}".rstrip("/")] += number
    return found


async def quiet(audit_log: AuditLog, namespace: str, *, seconds: float = 1.5) -> None:
    """Nothing is written for a while."""
    await asyncio.sleep(LAG)
    audit_log.skip()
    await asyncio.sleep(seconds)
    assert await requests(audit_log, namespace) == Counter()
