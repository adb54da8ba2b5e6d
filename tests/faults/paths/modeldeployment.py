# SPDX-License-Identifier: Apache-2.0
"""The life of a ModelDeployment: its first version, the next one, one that does not load, and other counts."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.jobs import JobPhase, job_phase
from mlops_operator.kube.errors import NotFound, ServerError, Unreachable
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS, SERVICES
from tests.faults.paths.base import PATIENCE
from tests.faults.paths.scene import FIRST, MODEL, SECOND, THIRD, Scene
from tests.harness.kubelet import SERVE, Behaviour
from tests.harness.namespaces import NAMESPACES
from tests.harness.waiting import eventually
from tests.integration.modeldeployment_stage import LOAD_FAILS
from tests.integration.workshop import condition

LOADS: Final = replace(SERVE, start_after=1.0)
"""A server that takes a moment to load its model."""

ASKS: Final = 1.5
"""Seconds that golden requests take: the Job controller gathers what pods do for one second."""

REPLICAS: Final = 3
CANARY: Final[Manifest] = {"steps": [{"weight": 25, "pause": "1s"}], "bake": "0s"}
AT_ONCE: Final[Manifest] = {"steps": [], "bake": "0s"}
BAKED: Final[Manifest] = {"steps": [], "bake": "3s"}


class ModelDeploymentPath(Scene):
    """One ModelDeployment of the alias.

    Attributes:
        versions: those that there are; the first is the one that the alias points at.
        spec: beside the model.
        servers: what servers do, by version; others load and serve.
        endless: versions whose golden requests never come to an end.
    """

    resources: ClassVar[tuple[str, ...]] = (
        "modeldeployments",
        "models",
        "modelversions",
        "deployments",
        "services",
        "jobs",
        "pods",
    )
    versions: ClassVar[tuple[str, ...]] = (FIRST,)
    spec: ClassVar[Manifest] = {"replicas": REPLICAS, "rollout": AT_ONCE}
    servers: ClassVar[dict[str, Behaviour]] = {}
    endless: ClassVar[frozenset[str]] = frozenset()

    def behave(self, pod: Manifest) -> Behaviour:
        container = pod["spec"]["containers"][0]
        env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        if "MLOPS_GOLDEN" in env:
            asked = json.loads(env["MLOPS_GOLDEN"])
            answered = len(asked.get("endpoints", ()))
            counts = {"requests": 20, "mismatches": 0, "errors": 0, "slow": 0, "endpoints": answered}
            result = Result(uid=env["MLOPS_RUN_UID"], counts=counts, metrics={"latency_p99": 0.01})
            endless = asked["modelVersion"] in self.endless
            return Behaviour(run_for=None if endless else ASKS, message=result.to_message())
        versions = [entry.partition("=")[2] for entry in container["args"] if entry.startswith("--model-version=")]
        return self.servers.get(versions[0], LOADS)

    async def prepare(self) -> None:
        await self.set_up(*self.versions, golden=True)

    async def play(self) -> None:
        await self.start()
        await self.come_to(partial(self.serving, FIRST))

    async def start(self) -> None:
        await self.serve(**self.spec)

    async def serving(self, version: str) -> None:
        """Wait until `version` serves as the present spec says, and nothing else is going on."""
        await self.at(
            lambda status: condition(status, "Ready") == ("True", "Serving") and status["stable"]["version"] == version
        )

    async def at(self, accept: Callable[[Manifest], bool]) -> Manifest:
        """The status, as soon as it is of the present spec and accepted."""

        async def look() -> Manifest:
            try:
                found = await self.get(MODEL_DEPLOYMENTS, MODEL)
            except (NotFound, ServerError, Unreachable):
                return {}
            status: Manifest = found.get("status") or {}
            return status if status.get("observedGeneration") == found["metadata"]["generation"] else {}

        return await eventually(look, accept, within=PATIENCE, every=0.1)

    async def candidate(self, phase: str) -> None:
        """Wait until the second version is a candidate in this phase, or beyond it already."""

        def accept(status: Manifest) -> bool:
            serves = (status.get("stable") or {}).get("version")
            return serves == SECOND or (status.get("candidate") or {}).get("phase") == phase

        await self.at(accept)

    async def scale(self, replicas: int) -> None:
        """As `kubectl scale` does it."""
        body = {"spec": {"replicas": replicas}}
        await self.client.merge_patch(
            MODEL_DEPLOYMENTS, namespace=self.namespace, name=MODEL, subresource="scale", body=body
        )

    async def without_former_checks(self) -> None:
        """Remove the Jobs of checks that are over: how many there are depends on when the spec changed."""
        for job in await self.all(JOBS):
            if job_phase(job) in (JobPhase.SUCCEEDED, JobPhase.FAILED):
                await self.client.delete(JOBS, namespace=self.namespace, name=job["metadata"]["name"])
        await self.empty(JOBS)

    # -- what somebody does in the middle --------------------------------------------------

    async def do_flip(self) -> None:
        """Fewer replicas, and at once as many as before."""
        await self.scale(REPLICAS - 1)
        await self.scale(REPLICAS)

    async def do_edit(self) -> None:
        """Other settings of the servers: another revision."""
        await self.edit(MODEL_DEPLOYMENTS, MODEL, spec={"env": [{"name": "LOG_LEVEL", "value": "debug"}]})

    async def do_delete(self) -> None:
        await self.client.delete(MODEL_DEPLOYMENTS, namespace=self.namespace, name=MODEL)

    async def do_recreate(self) -> None:
        await self.do_delete()
        await self.start()

    async def do_delete_child(self) -> None:
        await self.remove(DEPLOYMENTS, SERVICES)

    async def do_pin_back(self) -> None:
        """Serve the first version, whatever the alias says."""
        await self.edit(MODEL_DEPLOYMENTS, MODEL, spec={"model": {"alias": None, "version": FIRST}})

    async def do_end_namespace(self) -> None:
        await self.client.delete(NAMESPACES, namespace=None, name=self.namespace)


class Create(ModelDeploymentPath):
    """A first version starts, answers its golden requests, and serves."""

    name = "modeldeployment/create"
    actions: ClassVar = {
        "flip": "",
        "edit": "modeldeployment/edited",
        "delete": "modeldeployment/deleted",
        "recreate": "modeldeployment/recreated",
        "delete_child": "",
        "end_namespace": "modeldeployment/namespace-ended",
    }


class Rollout(ModelDeploymentPath):
    """The alias moves, and the next version takes over in steps."""

    name = "modeldeployment/rollout"
    versions: ClassVar = (FIRST, SECOND)
    spec: ClassVar = {"replicas": REPLICAS, "rollout": CANARY}
    actions: ClassVar = {
        "flip": "",
        "edit": "modeldeployment/rollout-edited",
        "pin_back": "modeldeployment/pinned-back",
        "delete_child": "",
    }

    async def play(self) -> None:
        await self.start()
        await self.serving(FIRST)
        await self.promote(SECOND)
        await self.come_to(partial(self.serving, SECOND))


class Baked(ModelDeploymentPath):
    """The next version takes over, and the former one keeps its pods for a while."""

    name = "modeldeployment/baked"
    versions: ClassVar = (FIRST, SECOND)
    spec: ClassVar = {"replicas": REPLICAS, "rollout": BAKED}

    async def play(self) -> None:
        await self.start()
        await self.serving(FIRST)
        await self.promote(SECOND)
        await self.come_to(self.baked)

    async def baked(self) -> None:
        """Wait until the second version serves alone."""
        await self.serving(SECOND)
        await self.at(lambda status: "former" not in status and "candidate" not in status)


class MovedOn(ModelDeploymentPath):
    """The alias moves once more while the next version is on its way: the one after it takes over."""

    name = "modeldeployment/moved-on"
    versions: ClassVar = (FIRST, SECOND, THIRD)
    endless: ClassVar = frozenset({SECOND})
    counted = False  # the candidates' Service may stay for the next one or be made again

    async def play(self) -> None:
        await self.start()
        await self.serving(FIRST)
        await self.promote(SECOND)
        await self.candidate("Checking")
        await self.promote(THIRD)
        await self.come_to(partial(self.serving, THIRD))


class BadCandidate(ModelDeploymentPath):
    """The next version does not load: it is stopped, and the former one serves on."""

    name = "modeldeployment/bad-candidate"
    versions: ClassVar[tuple[str, ...]] = (FIRST, SECOND)
    servers: ClassVar = {SECOND: replace(LOAD_FAILS, start_after=1.0)}
    actions: ClassVar = {"flip": "", "delete_child": ""}

    async def play(self) -> None:
        await self.start()
        await self.serving(FIRST)
        await self.promote(SECOND)
        await self.come_to(self.stopped)

    async def stopped(self) -> None:
        """Wait until it is said that the second version was stopped, and why."""
        status = await self.at(lambda status: condition(status, "Ready") == ("True", "CandidateStopped"))
        assert status["stopped"]["reason"] == "ModelLoadFailed", status["stopped"]
        assert status["stopped"]["version"] == SECOND, status["stopped"]
        assert status["stable"]["version"] == FIRST, status["stable"]


class Mended(BadCandidate):
    """After a version that does not load comes one that does."""

    name = "modeldeployment/mended"
    versions: ClassVar = (FIRST, SECOND, THIRD)
    actions: ClassVar = {}

    async def play(self) -> None:
        await super().play()
        await self.promote(THIRD)
        await self.come_to(partial(self.serving, THIRD))


class Scaled(ModelDeploymentPath):
    """Three replicas, two, and three again."""

    name = "modeldeployment/scaled"

    async def play(self) -> None:
        await super().play()
        for replicas in (REPLICAS - 1, REPLICAS):
            await self.scale(replicas)
            await self.at(lambda status, wanted=replicas: status.get("readyReplicas") == wanted)  # type: ignore[misc]
            await self.serving(FIRST)


class Autoscaled(ModelDeploymentPath):
    """An autoscaler gives it more replicas, and the next version takes over as many."""

    name = "modeldeployment/autoscaled"
    resources = (*ModelDeploymentPath.resources, "horizontalpodautoscalers")
    versions: ClassVar = (FIRST, SECOND)
    spec: ClassVar = {
        "autoscaling": {"minReplicas": 2, "maxReplicas": 5},
        "resources": {"requests": {"cpu": "100m"}},
        "rollout": AT_ONCE,
    }
    given: ClassVar[int] = 4

    async def play(self) -> None:
        await super().play()
        (deployment,) = await self.all(DEPLOYMENTS)
        await self.client.merge_patch(
            DEPLOYMENTS,
            namespace=self.namespace,
            name=deployment["metadata"]["name"],
            subresource="scale",
            body={"spec": {"replicas": self.given}},
        )
        await self.at(lambda status: status.get("readyReplicas") == self.given)
        await self.promote(SECOND)
        await self.come_to(partial(self.serving, SECOND))


MODELDEPLOYMENT: Final = (
    Create,
    Rollout,
    Baked,
    MovedOn,
    BadCandidate,
    Mended,
    Scaled,
    Autoscaled,
)
