# SPDX-License-Identifier: Apache-2.0
"""A TrainingJob with which somebody interferes."""

from functools import partial
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, PODS, SERVICES, TRAINING_JOBS
from tests.faults.paths.base import PATIENCE
from tests.faults.paths.interfered import Interfered, NamespaceEnded
from tests.faults.paths.trainingjob import FINAL, NAME, Distributed, Retry, Success, TrainingJobPath
from tests.harness.waiting import eventually


class InterferedJob(Interfered, TrainingJobPath):
    """Something is done as soon as it runs."""

    async def begin(self) -> None:
        await self.start()

    async def come_midway(self) -> None:
        await self.reach("Running", *FINAL)

    async def finish(self) -> None:
        await self.reach(self.end)


class Edited(InterferedJob):
    """Its spec is changed; what runs goes on."""

    action = "edit"

    async def do_edit(self) -> None:
        await self.edit(TRAINING_JOBS, NAME, spec={"parameters": {"gamma": 0.5}})


class Flipped(InterferedJob):
    """Its spec is changed and changed back."""

    action = "flip"

    async def do_flip(self) -> None:
        for limit in (3, 2, 3):
            await self.edit(TRAINING_JOBS, NAME, spec={"backoffLimit": limit})


class Cleared(InterferedJob):
    """What it made is deleted at its end, since it tells of what happened: that it was suspended once, or is new."""

    async def finish(self) -> None:
        await self.reach(self.end)
        await self.remove(JOBS, SERVICES)

    async def rest(self) -> None:
        await self.empty(JOBS, SERVICES)


class Halted(Cleared):
    """It is suspended, and resumed when it says so."""

    action = "suspend"

    async def do_suspend(self) -> None:
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": True})

    async def finish(self) -> None:
        await self.reach("Suspended", *FINAL)
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": False})
        await super().finish()


class ChildDeleted(Cleared):
    """Its children are deleted by hand; they are made again as long as they are needed."""

    action = "delete_child"

    async def do_delete_child(self) -> None:
        await self.remove(JOBS, SERVICES)


class Deleted(InterferedJob):
    """It is deleted."""

    action = "delete"

    async def do_delete(self) -> None:
        await self.client.delete(TRAINING_JOBS, namespace=self.namespace, name=NAME)

    async def finish(self) -> None:
        await self.gone(TRAINING_JOBS, NAME)

    async def rest(self) -> None:
        await self.empty(JOBS, SERVICES, PODS)


class Recreated(InterferedJob):
    """It is deleted and made again under its name."""

    action = "recreate"

    async def do_recreate(self) -> None:
        await self.client.delete(TRAINING_JOBS, namespace=self.namespace, name=NAME)
        await self.gone(TRAINING_JOBS, NAME)
        await self.start()

    async def rest(self) -> None:
        uid = (await self.get(TRAINING_JOBS, NAME))["metadata"]["uid"]

        def own(jobs: list[Manifest]) -> bool:
            return all(job["metadata"]["ownerReferences"][0]["uid"] == uid for job in jobs)

        await eventually(partial(self.all, JOBS), own, within=PATIENCE, every=0.1)


class JobNamespaceEnded(NamespaceEnded, InterferedJob):
    """Its namespace is deleted."""


def _of(what: type[InterferedJob], path: type[TrainingJobPath]) -> type[TrainingJobPath]:
    """An interference with one of the paths, which says what the pods do; named as its `actions` say."""
    members = {"name": path.actions[what.action], "__doc__": what.__doc__}
    return type(f"{path.__name__}{what.__name__}", (what, path), members)


TRAININGJOB_INTERFERENCES: Final = (
    *(_of(what, Success) for what in (Edited, Flipped, Halted, ChildDeleted, Deleted, Recreated, JobNamespaceEnded)),
    *(_of(what, Retry) for what in (Flipped, Halted, ChildDeleted, Deleted)),
    *(_of(what, Distributed) for what in (Halted, ChildDeleted, Deleted)),
)
