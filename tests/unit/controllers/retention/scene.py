# SPDX-License-Identifier: Apache-2.0
"""A Model with trained versions in a toy cluster, whose controllers and that of its versions run in turn."""

import json
from typing import Any, Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.naming import short_hash
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, TRAINING_JOBS, Resource
from mlops_operator.runtime.work.controller import Controller
from tests.unit.controllers.builders import ToyCluster, ToyWorld, failed_pod, job_ended, later, make, succeeded_pod
from tests.unit.controllers.versions import digest_of

DAY: Final = 86_400
POLICY: Final[Manifest] = {"mode": "Remove", "keepVersions": 1, "keepFor": "24h"}
READY: Final = {"status": "True", "reason": "Verified", "lastTransitionTime": "2025-01-01T00:00:00Z"}


def folder(name: str, *, root: str = "pvc://mlops-artifacts") -> str:
    """Folder of the TrainingJob that made the version."""
    return f"{root}/trainingjobs/train-{name}-{short_hash(f'uid-of-train-{name}')}"


def training(name: str, *, phase: str = "Succeeded", **changes: Any) -> Manifest:
    """The TrainingJob that made the version `name`."""
    artifact = {"name": "model", "uri": f"{folder(name)}/0/model.joblib", "digest": digest_of(name)}
    status = {
        "phase": phase,
        "modelVersion": name,
        "artifacts": [artifact],
        "attempts": [{"index": 0, "job": "j", "generation": 1, "outcome": "Succeeded"}],
        **changes,
    }
    return make(TRAINING_JOBS, f"train-{name}", spec={"image": "i", "model": "digits"}, status=status)


def wasted(name: str, *outcomes: str, age: float = 40 * DAY, phase: str = "Failed", **changes: Any) -> Manifest:
    """A TrainingJob that ended so many seconds ago, after attempts with these outcomes in `folder(name)`."""
    attempts = [
        {"index": index, "job": "j", "generation": 1, "output": f"{folder(name)}/{index}", "outcome": outcome}
        for index, outcome in enumerate(outcomes or ("Failed",))
    ]
    made = {"modelVersion": None, "artifacts": None} if phase == "Failed" else {}
    found = training(name, phase=phase, attempts=attempts, completionTime=timestamp(later(-age)), **{**made, **changes})
    found["status"] = {name: value for name, value in found["status"].items() if value is not None}
    return found


def spec_of(name: str, **changes: Any) -> Manifest:
    """The spec of a version that a TrainingJob made."""
    return {
        "model": "digits",
        "artifact": {
            "uri": f"{folder(name)}/0/model.joblib",
            "digest": digest_of(name),
            "format": "sklearn",
            "size": 1000,
        },
        "lineage": {"trainingJob": {"name": f"train-{name}", "uid": f"uid-of-train-{name}"}},
        **changes,
    }


def version(name: str, *, age: float, on_record: bool = True, **changes: Any) -> Manifest:
    """A verified ModelVersion, so many seconds old, whose files are on record as those of its TrainingJob."""
    status = {
        "observedGeneration": 1,
        "verifiedAt": "2025-01-01T00:00:00Z",
        "conditions": [{"type": "Ready", **READY}],
        **({"runFolder": folder(name)} if on_record else {}),
    }
    return make(MODEL_VERSIONS, name, spec=spec_of(name, **changes), status=status, created=later(-age))


class Scene:
    """Versions `v1` (the oldest) to `v<count>`, a day apart; the newest is two days old."""

    def __init__(self, *others: Manifest, count: int = 3, policy: Manifest | None = None, **spec: Any) -> None:
        policy = POLICY if policy is None else policy
        spec = {"aliases": [{"name": "champion"}], **({"retention": policy} if policy else {}), **spec}
        obj = make(MODELS, "digits", spec=spec, status={"observedGeneration": -1})
        versions = [version(f"v{index + 1}", age=(count - index + 1) * DAY) for index in range(count)]
        self.cluster = ToyCluster(ToyWorld(obj, *versions, *others))
        settings = Settings()
        self.controllers: dict[Resource, Controller] = {
            MODELS: ModelController(settings),
            MODEL_VERSIONS: ModelVersionController(settings),
            TRAINING_JOBS: TrainingJobController(settings),
        }

    # -- what is there ---------------------------------------------------------------------

    @property
    def model(self) -> Manifest:
        return self.cluster.get(MODELS, "digits")

    @property
    def retention(self) -> Manifest:
        found: Manifest = self.model["status"].get("retention") or {}
        return found

    @property
    def listed(self) -> list[str]:
        return [entry["version"] for entry in self.retention.get("versions", ())]

    @property
    def kept(self) -> dict[str, str]:
        return {entry["version"]: entry.get("message", "") for entry in self.retention.get("keptVersions", ())}

    @property
    def removals(self) -> list[str]:
        return [entry["version"] for entry in self.retention.get("removals", ())]

    @property
    def removed(self) -> list[str]:
        return [entry["version"] for entry in self.retention.get("lastRemoved", ())]

    @property
    def runs(self) -> Manifest:
        found: Manifest = self.retention.get("runs") or {}
        return found

    def folders(self, entries: str) -> list[str]:
        """The folders in a list of `status.retention.runs`."""
        return [entry["folder"] for entry in self.runs.get(entries, ())]

    def reason(self, name: str) -> str:
        """Reason of a version's condition Ready."""
        conditions = self.cluster.get(MODEL_VERSIONS, name)["status"]["conditions"]
        return str(next(entry["reason"] for entry in conditions if entry["type"] == "Ready"))

    @property
    def jobs(self) -> list[Manifest]:
        """Jobs that remove files and have not ended."""
        live = [job for job in self.cluster.world.all(JOBS) if not (job.get("status") or {}).get("conditions")]
        return [job for job in live if "remove" in job["metadata"]["name"]]

    @property
    def events(self) -> list[str]:
        return [event.reason for event in self.cluster.events]

    # -- what happens ----------------------------------------------------------------------

    def points_at(self, name: str, *former: str, since: float = 0) -> "Scene":
        """The alias points at a version, and pointed at the former ones for a day each, the latest first."""

        def term(entry: str, at: float) -> Manifest:
            return {
                "version": entry,
                "versionUid": f"uid-of-{entry}",
                "digest": digest_of(entry),
                "since": timestamp(later(at)),
                "promotionUid": f"p-{entry}",
            }

        obj = self.model
        history = [term(entry, since - (index + 1) * DAY) for index, entry in enumerate(former)]
        obj["status"]["aliases"] = [{"name": "champion", **term(name, since), "history": history}]
        self.cluster.store(obj)
        return self

    def settle(self) -> "Scene":
        """Both controllers plan until neither writes."""
        for _ in range(20):
            before = len(self.cluster.writes)
            self.cluster.settle(self.controllers[MODELS], "digits")
            for obj in self.cluster.world.all(MODEL_VERSIONS):
                self.cluster.settle(self.controllers[MODEL_VERSIONS], obj["metadata"]["name"])
            for obj in self.cluster.world.all(TRAINING_JOBS):
                if (obj.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
                    self.cluster.settle(self.controllers[TRAINING_JOBS], obj["metadata"]["name"])
            if len(self.cluster.writes) == before:
                return self
        raise AssertionError(f"no rest: {self.cluster.writes[-6:]}")

    def at(self, seconds: float) -> "Scene":
        """Time passes."""
        self.cluster.now = later(seconds)
        return self.settle()

    def put(self, *objects: Manifest) -> "Scene":
        self.cluster.world.put(*objects)
        return self

    def edit(self, **retention: Any) -> "Scene":
        """The policy changes."""
        self.cluster.edit(MODELS, "digits", retention=retention)
        return self.settle()

    def job_ends(self, *, size: int = 500, fails: str = "") -> "Scene":
        """The removal's Job ends, and the controllers learn of it."""
        self.job_reports(size=size, fails=fails)
        return self.settle()

    def job_reports(self, *, size: int = 500, fails: str = "") -> None:
        """The removal's Job ends."""
        (job,) = self.jobs
        uid = next(
            entry["value"]
            for entry in job["spec"]["template"]["spec"]["containers"][0]["env"]
            if entry["name"] == "MLOPS_RUN_UID"
        )
        message = json.dumps({"v": 1, "uid": uid, "counts": {"files": 3, "bytes": size}})
        words = json.dumps({"reason": fails, "message": "m"})
        pod = failed_pod(job, words, exit_code=6) if fails else succeeded_pod(job, message)
        self.cluster.pods[job["metadata"]["name"]] = [pod]
        self.cluster.store(job_ended(job, at=self.cluster.now, succeeded=not fails))
