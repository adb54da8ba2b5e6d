# SPDX-License-Identifier: Apache-2.0
"""A ModelVersion in a toy cluster."""

import json
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import (
    ToyCluster,
    ToyWorld,
    failed_pod,
    job_ended,
    later,
    make,
    succeeded_pod,
)

NAME = "digits-1a2b3c4d"
UID = f"uid-of-{NAME}"
MODEL = "digits"
URI = "pvc://store/trainingjobs/digits/0/model.joblib"
DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"


def model(**status: Any) -> Manifest:
    """The Model."""
    return make(MODELS, MODEL, spec={}, status=status)


class Version:
    """Drives one ModelVersion from event to event."""

    def __init__(self, *others: Manifest) -> None:
        spec = {"model": MODEL, "artifact": {"uri": URI, "digest": DIGEST, "format": "sklearn"}}
        obj = make(MODEL_VERSIONS, NAME, spec=spec, status={"observedGeneration": -1})
        self.cluster = ToyCluster(ToyWorld(obj, *others))
        self.controller = ModelVersionController(Settings(workload_image="example/workload:1"))

    @property
    def obj(self) -> Manifest:
        return self.cluster.get(MODEL_VERSIONS, NAME)

    @property
    def status(self) -> Manifest:
        status: Manifest = self.obj["status"]
        return status

    @property
    def job(self) -> Manifest:
        return self.cluster.world.all(JOBS)[-1]

    def at(self, seconds: float) -> "Version":
        self.cluster.now = later(seconds)
        return self

    def settle(self) -> Plan:
        return self.cluster.settle(self.controller, NAME)

    def put(self, *objects: Manifest) -> Plan:
        """Something else changes."""
        self.cluster.world.put(*objects)
        return self.settle()

    def verified(self, digest: str = DIGEST) -> Plan:
        """The Job reports this digest, and the controller learns of it."""
        self.reports(digest)
        return self.settle()

    def reports(self, digest: str = DIGEST) -> None:
        """The Job reports this digest."""
        suffix = self.job["metadata"]["name"].rsplit("-", 2)[-2]
        message = json.dumps(
            {
                "v": 1,
                "uid": f"{UID}-verify-{suffix}",
                "artifacts": [{"name": "artifact", "uri": URI, "digest": digest, "size": 7}],
            }
        )
        self._ends(succeeded_pod(self.job, message), succeeded=True)

    def fails(self, reason: str, message: str = "m", *, exit_code: int = 1) -> Plan:
        """The Job's pod leaves this error, and the controller learns of it."""
        self.leaves(reason, message, exit_code=exit_code)
        return self.settle()

    def leaves(self, reason: str, message: str = "m", *, exit_code: int = 1) -> None:
        """The Job's pod leaves this error."""
        words = json.dumps({"reason": reason, "message": message})
        self._ends(failed_pod(self.job, words, exit_code=exit_code), succeeded=False)

    def _ends(self, pod: Manifest, *, succeeded: bool) -> None:
        job = self.job
        self.cluster.pods[job["metadata"]["name"]] = [pod]
        self.cluster.store(job_ended(job, at=self.cluster.now, succeeded=succeeded))


def begin(*others: Manifest) -> Version:
    """Creates a ModelVersion beside its Model and others, and lets the controller settle."""
    version = Version(*(others or (model(),)))
    version.settle()
    return version
