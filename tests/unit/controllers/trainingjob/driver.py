# SPDX-License-Identifier: Apache-2.0
"""A TrainingJob in a toy cluster."""

import json
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import (
    ToyCluster,
    ToyWorld,
    failed_pod,
    job_ended,
    job_started,
    job_suspended,
    later,
    make,
    succeeded_pod,
)

NAME = "digits"
DIGEST = f"sha256:{'a' * 64}"


class Run:
    """Drives one TrainingJob from event to event."""

    def __init__(self, spec: Manifest, *others: Manifest) -> None:
        obj = make(TRAINING_JOBS, NAME, spec={"image": "example/train:1", **spec}, status={"observedGeneration": -1})
        self.cluster = ToyCluster(ToyWorld(obj, *others))
        self.controller = TrainingJobController(Settings())
        self.manifests: dict[str, Manifest] = {}

    @property
    def obj(self) -> Manifest:
        return self.cluster.get(TRAINING_JOBS, NAME)

    @property
    def status(self) -> Manifest:
        status: Manifest = self.obj["status"]
        return status

    @property
    def job(self) -> Manifest:
        """The newest Job."""
        return self.cluster.world.all(JOBS)[-1]

    def settle(self) -> Plan:
        return self.cluster.settle(self.controller, NAME)

    def at(self, seconds: float) -> "Run":
        """Move the clock."""
        self.cluster.now = later(seconds)
        return self

    def edit(self, **spec: Any) -> Plan:
        self.cluster.edit(TRAINING_JOBS, NAME, **spec)
        return self.settle()

    def job_runs(self, *, ready: int = 1) -> Plan:
        self.cluster.store(job_started(self.job, at=self.cluster.now, ready=ready))
        return self.settle()

    def job_is_suspended(self) -> Plan:
        """The Job's controller has stopped its pods."""
        self.cluster.store(job_suspended(self.job))
        return self.settle()

    def job_succeeds(self, message: str = "", **pod: Any) -> Plan:
        job = self.job
        ranks = range(job["spec"]["completions"]) if job["spec"]["completions"] > 1 else (None,)
        self.cluster.pods[job["metadata"]["name"]] = [
            succeeded_pod(job, "" if rank else message, index=rank, **pod) for rank in ranks
        ]
        self.cluster.store(job_ended(job, at=self.cluster.now))
        return self.settle()

    def job_fails(self, message: str = "", *, exit_code: int = 1) -> Plan:
        job = self.job
        self.cluster.pods[job["metadata"]["name"]] = [failed_pod(job, message, exit_code=exit_code)]
        self.cluster.store(job_ended(job, at=self.cluster.now, succeeded=False))
        return self.settle()

    def result(self, attempt: int = 0, **document: Any) -> str:
        """The message of a run that reports."""
        return json.dumps({"v": 1, "uid": f"uid-of-{NAME}-{attempt}", **document})

    @property
    def events(self) -> list[str]:
        return [event.reason for event in self.cluster.events]


def begin(*others: Manifest, **spec: Any) -> Run:
    """Creates a TrainingJob and lets the controller settle."""
    run = Run(spec, *others)
    run.settle()
    return run


def model_artifact(**changes: Any) -> Manifest:
    """A result's artifact that becomes a version."""
    return {"name": "model", "uri": "pvc://store/m.joblib", "digest": DIGEST, "format": "sklearn", "size": 7, **changes}
