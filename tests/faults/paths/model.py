# SPDX-License-Identifier: Apache-2.0
"""The removal of files of a version and of a run, from the last check of their uses to the end."""

from collections.abc import Collection
from typing import ClassVar, Final

from mlops_contract.models.result import Result
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.stores import own_folder
from mlops_operator.kube.resources import MODEL_VERSIONS, MODELS, TRAINING_JOBS
from tests.faults.paths.scene import FIRST, LONG_AGO, MODEL, SECOND, Scene
from tests.faults.plan import FAULTS
from tests.harness.kubelet import Behaviour
from tests.integration.workshop import digest_of

FOLDER: Final = "pvc://store/trainingjobs/train-12345678"
DURATIONS: Final = ("keepFor", "keepHistoryFor", "keepRunsFor", "grace")
POLICY: Final = {"mode": "Remove", "keepVersions": 0, **dict.fromkeys(DURATIONS, "0s")}
RUN: Final = "train"


class Removal(Scene):
    """The second of two versions was marked long ago, so that its removal is due."""

    name = "model/removal"
    resources = ("models", "modelversions", "jobs")
    faults: ClassVar[Collection[str]] = FAULTS - {"clock"}  # by an earlier clock the version is too young

    def behave(self, pod: Manifest) -> Behaviour:
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") != "remove":
            return super().behave(pod)
        env = {entry["name"]: entry.get("value", "") for entry in pod["spec"]["containers"][0]["env"]}
        return Behaviour(message=Result(uid=env["MLOPS_RUN_UID"], counts={"files": 1, "bytes": 10}).to_message())

    async def prepare(self) -> None:
        await self.set_up(FIRST, SECOND)
        version = await self.get(MODEL_VERSIONS, SECOND)
        pending = {
            "type": "Ready",
            "status": "False",
            "reason": "RemovalPending",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": LONG_AGO,
        }
        await self.say(MODEL_VERSIONS, SECOND, {"runFolder": FOLDER, "conditions": [pending]})
        removal = {
            "version": SECOND,
            "versionUid": version["metadata"]["uid"],
            "digest": digest_of(SECOND),
            "folder": FOLDER,
            "markedAt": LONG_AGO,
        }
        await self.edit(MODELS, MODEL, spec={"retention": POLICY})
        await self.say(MODELS, MODEL, {"retention": {"removals": [removal]}})

    async def play(self) -> None:
        await self.until(MODEL_VERSIONS, SECOND, lambda status: status.get("phase") == "Removed")
        await self.until(MODELS, MODEL, lambda status: (status.get("retention") or {}).get("removed") == 1)


class RunRemoval(Removal):
    """A TrainingJob failed long ago, and the removal of its files was marked then."""

    name = "model/run-removal"
    resources = ("models", "trainingjobs", "jobs")

    async def prepare(self) -> None:
        await self.set_up(FIRST)
        made = await self.create(TRAINING_JOBS, RUN, {"image": "example/train:1", "model": MODEL, "suspend": True})
        folder = f"pvc://store/trainingjobs/{own_folder(made)}"
        attempt = {"index": 0, "job": "j", "generation": 1, "outcome": "Failed", "output": f"{folder}/0"}
        ended = {"phase": "Failed", "completionTime": LONG_AGO, "observedGeneration": 1, "attempts": [attempt]}
        await self.say(TRAINING_JOBS, RUN, ended)
        uid = made["metadata"]["uid"]
        removal = {"trainingJob": RUN, "trainingJobUid": uid, "folder": folder, "markedAt": LONG_AGO}
        await self.edit(MODELS, MODEL, spec={"retention": POLICY})
        await self.say(MODELS, MODEL, {"retention": {"runs": {"removals": [removal]}}})

    async def play(self) -> None:
        await self.until(TRAINING_JOBS, RUN, lambda status: bool(status.get("removedFolders")))

        def removed(status: Manifest) -> bool:
            return ((status.get("retention") or {}).get("runs") or {}).get("removed") == 1

        await self.until(MODELS, MODEL, removed)


MODEL_PATHS: Final = (Removal, RunRemoval)
