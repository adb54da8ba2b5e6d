# SPDX-License-Identifier: Apache-2.0
"""A ModelDeployment in a toy cluster whose Deployments get pods that behave as the test says."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.modeldeployment.names import ANNOTATION_VERSION, LABEL_REVISION
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    SERVICES,
)
from tests.unit.controllers.builders import (
    NAMESPACE,
    NO_NODE,
    NOW,
    ToyCluster,
    ToyWorld,
    failed_pod,
    job_ended,
    make,
    succeeded_pod,
    terminated,
)
from tests.unit.controllers.nodes import unscheduled

DIGESTS = {"digits-1": "sha256:" + "1" * 64, "digits-2": "sha256:" + "2" * 64, "digits-3": "sha256:" + "3" * 64}
SETTINGS = Settings()
NAME = "digits"
READY, SLOW, LOAD_FAILED, CRASHING, CORRUPT, NO_IMAGE, UNSCHEDULABLE, MISSING = (
    "ready",
    "slow",
    "load-failed",
    "crashing",
    "corrupt",
    "no-image",
    "unschedulable",
    "missing",
)


def model(version: str | None = "digits-1", *, aliases: tuple[str, ...] = ("champion",), uid: str = "") -> Manifest:
    """The Model, with its alias at `version`, by default at the object that `model_version` makes."""
    entry = {"name": "champion", "version": version, "promotion": "p", "promotionUid": "u", "since": timestamp(NOW)}
    pointed = [{**entry, "versionUid": uid or f"uid-of-{version}", "digest": DIGESTS.get(version or "")}]
    return make(
        MODELS,
        "digits",
        spec={"aliases": [{"name": name} for name in aliases]},
        status={"aliases": pointed if version else []},
    )


def model_version(name: str, *, golden: bool = True, ready: bool = True, artifact_format: str = "sklearn") -> Manifest:
    """A ModelVersion."""
    spec: Manifest = {
        "model": "digits",
        "artifact": {"uri": f"pvc://store/{name}", "digest": DIGESTS[name], "format": artifact_format},
    }
    if golden:
        spec["goldenRequests"] = {"uri": f"pvc://store/{name}.golden", "digest": DIGESTS[name]}
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "Verified" if ready else "Verifying",
        "lastTransitionTime": timestamp(NOW),
    }
    return make(MODEL_VERSIONS, name, spec=spec, status={"conditions": [condition]})


@dataclass
class Scene:
    """One ModelDeployment, driven step by step.

    Attributes:
        spec: beside the model and 2 replicas. A rollout ends with its hand-over unless a bake is declared.
        behaviour: how the servers of a version behave; `ready` by default.
        checks: what golden requests find, by version: counts beside 20 requests.
        rechecks: what the checks before the end of a step or phase find, likewise; `{}` by default.
        unreachable: versions whose servers do not answer, whatever their readiness.
        timeline: ready pods behind the traffic Service after every step.
        history: the ModelDeployment before every step.
    """

    spec: Manifest = field(default_factory=dict)
    golden: bool = True
    version: str | None = "digits-1"
    behaviour: dict[str, str] = field(default_factory=dict)
    checks: dict[str, dict[str, int]] = field(default_factory=dict)
    rechecks: dict[str, dict[str, int]] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    settings: Settings = SETTINGS
    timeline: list[int] = field(default_factory=list)
    history: list[Manifest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.controller = ModelDeploymentController(self.settings)
        spec = {"model": {"name": "digits", "alias": "champion"}, "replicas": 2, **self.spec}
        spec["rollout"] = {"bake": "0s", **spec.get("rollout", {})}
        world = ToyWorld(
            make(MODEL_DEPLOYMENTS, NAME, spec={key: value for key, value in spec.items() if value is not None}),
            model(self.version),
            *(model_version(name, golden=self.golden) for name in DIGESTS),
        )
        self.cluster = ToyCluster(world)
        self._pods = 0

    # -- what people do --------------------------------------------------------------------

    def point(self, version: str) -> None:
        """Move the alias."""
        self.cluster.store(model(version))

    def edit(self, **spec: Any) -> None:
        """Merge into the spec."""
        self.cluster.edit(MODEL_DEPLOYMENTS, NAME, **spec)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.cluster.now += timedelta(seconds=seconds)

    # -- what the cluster does -------------------------------------------------------------

    def kubelet(self) -> None:
        """The Deployment controller and the kubelet do what there is to do."""
        for pod in self.cluster.world.all(PODS):
            if not any(self._owns(entry, pod) for entry in self.cluster.world.all(DEPLOYMENTS)):
                self.cluster.world.remove(pod)
        for deployment in self.cluster.world.all(DEPLOYMENTS):
            self._deploy(deployment)

    def _deploy(self, deployment: Manifest) -> None:
        wanted = deployment["spec"]["replicas"]
        pods = [pod for pod in self.cluster.world.all(PODS) if self._owns(deployment, pod)]
        for pod in pods[wanted:]:
            self.cluster.world.remove(pod)
        for _ in range(wanted - len(pods)):
            self._pods += 1
            self.cluster.store(
                make(
                    PODS,
                    f"{deployment['metadata']['name']}-{self._pods}",
                    labels=deployment["spec"]["template"]["metadata"]["labels"],
                    created=self.cluster.now,
                )
            )
        how = self.behaviour.get(deployment["metadata"]["annotations"][ANNOTATION_VERSION], READY)
        for pod in self.cluster.world.all(PODS):
            status = {**pod_status(how), "podIP": address_of(pod)}
            if self._owns(deployment, pod) and pod.get("status") != status:
                self.cluster.store({**pod, "status": status})
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "readyReplicas": wanted if how == READY else 0,
        }
        if deployment.get("status") != status:
            self.cluster.store({**deployment, "status": status})

    @staticmethod
    def _owns(deployment: Manifest, pod: Manifest) -> bool:
        labels = pod["metadata"]["labels"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        return all(labels.get(name) == value for name, value in selector.items())

    def answer(self) -> None:
        """Golden-request Jobs that are there come to their end."""
        for job in self.cluster.world.all(JOBS):
            if "conditions" in (job.get("status") or {}):
                continue
            (container,) = job["spec"]["template"]["spec"]["containers"]
            env = {entry["name"]: entry.get("value", "") for entry in container["env"]}
            asked = json.loads(env["MLOPS_GOLDEN"])
            version, name = asked["modelVersion"], job["metadata"]["name"]
            if version in self.unreachable:
                words = json.dumps({"reason": "EndpointUnavailable", "message": "no answer within 10 s"})
                self.cluster.pods[name] = [failed_pod(job, words, exit_code=4)]
                self.cluster.store(job_ended(job, at=self.cluster.now, succeeded=False))
                continue
            counts = {"requests": 20, "mismatches": 0, "errors": 0, "slow": 0, **self.checks.get(version, {})}
            if "endpoints" in asked:
                counts |= {"endpoints": len(asked["endpoints"]), **self.rechecks.get(version, {})}
            result = Result(uid=env["MLOPS_RUN_UID"], counts=counts, metrics={"latency_p99": 0.0124})
            self.cluster.pods[name] = [succeeded_pod(job, result.to_message())]
            self.cluster.store(job_ended(job, at=self.cluster.now))

    # -- driving ---------------------------------------------------------------------------

    def step(self) -> None:
        """Plan once, carry it out, and note who would answer a request."""
        self.history.append(self.cluster.get(MODEL_DEPLOYMENTS, NAME))
        self.cluster.step(self.controller, NAME)
        self.timeline.append(self.behind_traffic())

    def rest(self, *, answer: bool = True, limit: int = 60) -> None:
        """Go on until nobody has anything to do; time stands still."""
        for _ in range(limit):
            before = len(self.cluster.writes)
            self.step()
            self.kubelet()
            if answer:
                self.answer()
            if len(self.cluster.writes) == before:
                self.step()
                if len(self.cluster.writes) == before:
                    return
        raise AssertionError(f"no rest: {self.cluster.writes[-8:]}")

    def roll(self, *, seconds: float = 300) -> None:
        """Go on while time passes, from one moment that a plan asked for to the next."""
        end = self.cluster.now + timedelta(seconds=seconds)
        self.rest()
        while (left := (end - self.cluster.now).total_seconds()) > 0:
            asked = self.cluster.plan(self.controller, NAME).requeue_after
            self.wait(left if asked is None else min(left, asked))
            self.rest()

    # -- what there is to see --------------------------------------------------------------

    @property
    def status(self) -> Manifest:
        """The ModelDeployment's status."""
        status: Manifest = self.cluster.get(MODEL_DEPLOYMENTS, NAME).get("status") or {}
        return status

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = next(entry for entry in self.status["conditions"] if entry["type"] == kind)
        return found["status"], found["reason"]

    def message(self, kind: str = "Ready") -> str:
        """Message of a condition."""
        found: Manifest = next(entry for entry in self.status["conditions"] if entry["type"] == kind)
        message: str = found.get("message", "")
        return message

    def versions(self) -> dict[str, int]:
        """Replicas asked for, by version."""
        return {
            entry["metadata"]["annotations"][ANNOTATION_VERSION]: entry["spec"]["replicas"]
            for entry in self.cluster.world.all(DEPLOYMENTS)
        }

    def served(self) -> set[str]:
        """Versions that the traffic Service reaches, ready or not."""
        selected = [entry for entry in self.cluster.world.all(DEPLOYMENTS) if self._selected(entry)]
        return {entry["metadata"]["annotations"][ANNOTATION_VERSION] for entry in selected}

    def behind_traffic(self) -> int:
        """Ready pods that the traffic Service reaches."""
        return sum(
            min((entry.get("status") or {}).get("readyReplicas", 0), entry["spec"]["replicas"])
            for entry in self.cluster.world.all(DEPLOYMENTS)
            if self._selected(entry)
        )

    def _selected(self, deployment: Manifest) -> bool:
        service = next((entry for entry in self.cluster.world.all(SERVICES) if entry["metadata"]["name"] == NAME), None)
        if service is None:
            return False
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        return all(labels.get(name) == value for name, value in service["spec"]["selector"].items())

    def pinned(self) -> bool:
        """Whether the traffic Service reaches one revision only."""
        service = next(entry for entry in self.cluster.world.all(SERVICES) if entry["metadata"]["name"] == NAME)
        return LABEL_REVISION in service["spec"]["selector"]


NO_STEPS: Manifest = {"rollout": {"steps": []}}
STEPS: Manifest = {"rollout": {"steps": [{"weight": 20, "pause": "30s"}, {"weight": 50, "pause": "1m"}]}, "replicas": 4}


def serving(**fields: Any) -> Scene:
    """A scene in which digits-1 serves."""
    scene = Scene(**fields)
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    return scene


def phase(scene: Scene) -> str:
    """Phase of the candidate."""
    found: str = scene.status["candidate"]["phase"]
    return found


def address_of(pod: Manifest) -> str:
    """The address of a pod, by the number in its name."""
    return f"10.0.0.{int(pod['metadata']['name'].rpartition('-')[2]) % 256}"


def pod_status(how: str) -> Manifest:
    """The status of a server's pod that behaves so."""
    fetched = {"name": "fetch", "state": terminated()}
    failed = terminated("ModelLoadFailed: not a pickle", exit_code=1)
    match how:
        case "ready":
            main: Manifest = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}}
        case "load-failed":
            main = {"name": "main", "ready": False, "restartCount": 0, "state": failed}
        case "crashing":
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s restarting failed"}}
            ended = terminated("Segmentation fault", exit_code=139)
            main = {"name": "main", "ready": False, "restartCount": 2, "state": waiting, "lastState": ended}
        case "corrupt" | "missing":
            reason = "ArtifactCorrupt" if how == "corrupt" else "ArtifactNotFound"
            words = json.dumps({"reason": reason, "message": "not what was expected"})
            return {
                "phase": "Pending",
                "initContainerStatuses": [{"name": "fetch", "state": terminated(words, exit_code=4)}],
            }
        case "no-image":
            waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
            main = {"name": "main", "ready": False, "restartCount": 0, "state": waiting}
        case "unschedulable":
            return {"phase": "Pending", "conditions": [unscheduled(NO_NODE)]}
        case _:
            main = {"name": "main", "ready": False, "restartCount": 0, "state": {"running": {}}}
    return {"phase": "Running", "initContainerStatuses": [fetched], "containerStatuses": [main]}


__all__ = [
    "CORRUPT",
    "CRASHING",
    "LOAD_FAILED",
    "MISSING",
    "NAME",
    "NAMESPACE",
    "NO_IMAGE",
    "NO_STEPS",
    "READY",
    "SLOW",
    "STEPS",
    "UNSCHEDULABLE",
    "Scene",
    "model",
    "model_version",
    "phase",
    "pod_status",
    "serving",
]
