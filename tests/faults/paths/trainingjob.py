"""The life of a TrainingJob."""

from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import TRAINING_JOBS
from tests.faults.paths.base import Path
from tests.harness.kubelet import Behaviour

NAME: Final = "job"
IMAGE: Final = "example.test/train:1"


class _TrainingJob(Path):
    """One TrainingJob of the given spec."""

    spec: ClassVar[Manifest] = {}

    async def start(self) -> None:
        await self.create(TRAINING_JOBS, NAME, {"image": IMAGE, **self.spec})


class Success(_TrainingJob):
    """It runs and succeeds."""

    name = "trainingjob/success"

    def behave(self, pod: Manifest) -> Behaviour:
        return Behaviour(run_for=1.0)

    async def play(self) -> None:
        await self.start()
        await self.phase(TRAINING_JOBS, NAME, "Succeeded", within=90.0)


TRAININGJOB: Final = (Success,)
