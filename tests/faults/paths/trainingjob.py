# SPDX-License-Identifier: Apache-2.0
"""The life of a TrainingJob."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, PODS, TRAINING_JOBS
from tests.faults.paths.base import Path
from tests.harness.kubelet import Behaviour
from tests.integration.workshop import condition

NAME: Final = "job"
IMAGE: Final = "example.test/train:1"

RUN: Final = 2.0
"""Seconds a pod runs: the Job controller gathers what pods do for one second, and has to see that it runs."""

MISSING: Final = Behaviour(start_after=None, waiting=("ErrImagePull", "no such image"))
"""A pod whose image is not there."""

NO_DATA: Final = json.dumps({"reason": "DataNotFound", "message": "nothing is at train (pvc://store/train.npz)"})

FINAL: Final = ("Succeeded", "Failed")


class TrainingJobPath(Path):
    """One TrainingJob of the given spec, until it is in its last phase.

    Attributes:
        spec: beside the image.
        end: the last phase.
    """

    resources: ClassVar[Sequence[str]] = ("trainingjobs", "jobs")
    spec: ClassVar[Manifest] = {}
    end: ClassVar[str] = "Succeeded"

    def behave(self, pod: Manifest) -> Behaviour:
        """Runs for a while and reports."""
        return replace(super().behave(pod), run_for=RUN)

    async def start(self) -> None:
        await self.create(TRAINING_JOBS, NAME, {"image": IMAGE, **self.spec})

    async def play(self) -> None:
        await self.start()
        await self.reach(self.end)

    async def reach(self, *phases: str) -> str:
        """The phase, as soon as it is one of these."""
        status = await self.until(TRAINING_JOBS, NAME, lambda status: status.get("phase") in phases)
        return str(status["phase"])

    async def waits_for_image(self) -> None:
        """It says that its image is not there."""
        await self.until(TRAINING_JOBS, NAME, lambda status: condition(status, "Ready")[1] == "ImageUnavailable")


class Success(TrainingJobPath):
    """It runs and succeeds."""

    name = "trainingjob/success"
    actions: ClassVar = {
        "edit": "trainingjob/success-edited",
        "flip": "trainingjob/success-flipped",
        "suspend": "trainingjob/success-halted",
        "delete": "trainingjob/success-deleted",
        "delete_child": "trainingjob/success-child-deleted",
        "recreate": "trainingjob/success-recreated",
        "end_namespace": "trainingjob/success-namespace-ended",
    }


class Retry(TrainingJobPath):
    """The first attempt fails, the second succeeds."""

    name = "trainingjob/retry"
    actions: ClassVar = {
        "flip": "trainingjob/retry-flipped",
        "suspend": "trainingjob/retry-halted",
        "delete": "trainingjob/retry-deleted",
        "delete_child": "trainingjob/retry-child-deleted",
    }

    def behave(self, pod: Manifest) -> Behaviour:
        return failing(pod) if attempt_of(pod) == 0 else super().behave(pod)


class Exhausted(TrainingJobPath):
    """Every attempt fails, as often as is allowed."""

    name = "trainingjob/exhausted"
    spec: ClassVar = {"backoffLimit": 1}
    end = "Failed"

    def behave(self, pod: Manifest) -> Behaviour:
        return failing(pod)


class DataLate(TrainingJobPath):
    """Its data are not there at the first look, and found at the second."""

    name = "trainingjob/data-late"

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.looked: set[str] = set()

    def behave(self, pod: Manifest) -> Behaviour:
        job = next(owner["uid"] for owner in pod["metadata"]["ownerReferences"])
        if self.looked <= {job}:
            self.looked.add(job)
            return Behaviour(run_for=RUN, exit_code=4, message=NO_DATA)
        return super().behave(pod)


class Suspended(TrainingJobPath):
    """It is suspended while it runs, and goes on later."""

    name = "trainingjob/suspended"

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.resumed = False

    def behave(self, pod: Manifest) -> Behaviour:
        return super().behave(pod) if self.resumed else Behaviour(run_for=None)

    async def play(self) -> None:
        await self.start()
        await self.reach("Running")
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": True})
        await self.reach("Suspended")
        await self.empty(PODS)
        self.resumed = True
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": False})
        await self.reach(self.end)


class DeletedPending(TrainingJobPath):
    """It is deleted while its pod cannot start."""

    name = "trainingjob/deleted-pending"

    def behave(self, pod: Manifest) -> Behaviour:
        return MISSING

    async def play(self) -> None:
        await self.start()
        await self.waits_for_image()
        await self.client.delete(TRAINING_JOBS, namespace=self.namespace, name=NAME)
        await self.gone(TRAINING_JOBS, NAME)

    async def rest(self) -> None:
        await self.empty(JOBS, PODS)


class Deadline(TrainingJobPath):
    """It runs for longer than it may."""

    name = "trainingjob/deadline"
    spec: ClassVar = {"activeDeadlineSeconds": 3}
    end = "Failed"

    def behave(self, pod: Manifest) -> Behaviour:
        return Behaviour(run_for=None)

    async def rest(self) -> None:
        await self.empty(PODS)


class Distributed(TrainingJobPath):
    """Three replicas with a Service, of which the first reports."""

    name = "trainingjob/distributed"
    resources = ("trainingjobs", "jobs", "services")
    spec: ClassVar = {"replicas": 3, "output": {"uri": "pvc://store/out"}}
    actions: ClassVar = {
        "suspend": "trainingjob/distributed-halted",
        "delete": "trainingjob/distributed-deleted",
        "delete_child": "trainingjob/distributed-child-deleted",
    }


class Corrected(TrainingJobPath):
    """Its image is not there; with another one it runs."""

    name = "trainingjob/corrected"

    def behave(self, pod: Manifest) -> Behaviour:
        wrong = pod["spec"]["containers"][0]["image"] == IMAGE
        return MISSING if wrong else super().behave(pod)

    async def play(self) -> None:
        await self.start()
        await self.waits_for_image()
        await self.edit(TRAINING_JOBS, NAME, spec={"image": "example.test/train:2"})
        await self.reach(self.end)


class Expired(TrainingJobPath):
    """It is deleted when it has been finished for long enough."""

    name = "trainingjob/expired"
    spec: ClassVar = {"ttlSecondsAfterFinished": 1}

    async def play(self) -> None:
        await self.start()
        await self.gone(TRAINING_JOBS, NAME)

    async def rest(self) -> None:
        await self.empty(JOBS, PODS)


class Registered(TrainingJobPath):
    """What it trained becomes a version of its Model, and the version is verified."""

    name = "trainingjob/registered"
    resources = ("trainingjobs", "jobs", "models", "modelversions")
    spec: ClassVar = {"model": "digits", "parameters": {"gamma": 0.001}, "seed": 7}

    async def prepare(self) -> None:
        await self.create(MODELS, "digits", {"aliases": [{"name": "champion"}]})

    async def play(self) -> None:
        await super().play()
        job = await self.get(TRAINING_JOBS, NAME)
        version = job["status"]["modelVersion"]
        await self.until(MODEL_VERSIONS, version, lambda status: condition(status, "Ready")[0] == "True")
        await self.until(MODELS, "digits", lambda status: status.get("latestVersion") == 1)


def failing(pod: Manifest) -> Behaviour:
    """Runs for a while and fails."""
    return Behaviour(run_for=RUN, exit_code=3, message="out of luck")


def attempt_of(pod: Manifest) -> int:
    """Which attempt a pod belongs to."""
    return int(pod["metadata"]["labels"][LABEL_ATTEMPT])


TRAININGJOB: Final = (
    Success,
    Retry,
    Exhausted,
    DataLate,
    Suspended,
    DeletedPending,
    Corrected,
    Deadline,
    Expired,
    Distributed,
    Registered,
)
