"""A TrainingJob with which somebody interferes: at a write that a plan names, or as soon as it runs.

The end is made the same whenever it happens: children that would be there after some interferences and
not after others are deleted.
"""

from contextlib import suppress
from functools import partial
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import JOBS, PODS, SERVICES, TRAINING_JOBS, Resource
from tests.faults.paths.base import PATIENCE
from tests.faults.paths.trainingjob import FINAL, NAME, Distributed, Retry, Success, TrainingJobPath
from tests.harness.namespaces import NAMESPACES
from tests.harness.waiting import eventually


class Interfered(TrainingJobPath):
    """Something is done in the middle.

    Attributes:
        action: what.
    """

    derived = True
    action: ClassVar[str]

    async def play(self) -> None:
        await self.start()
        if not self.interrupted:
            await self.reach("Running", *FINAL)
            await self.act(self.action)

        async def acted() -> bool:
            return self.acted.is_set()

        await eventually(acted, within=PATIENCE, every=0.1)
        await self.finish()

    async def finish(self) -> None:
        """Go on after it to the end."""
        await self.reach(self.end)

    async def remove_children(self) -> None:
        """Delete what the TrainingJob has made, by hand."""
        for resource in (JOBS, SERVICES):
            for obj in await self.all(resource):
                await self.remove(obj, resource)

    async def remove(self, obj: Manifest, resource: Resource) -> None:
        """Delete an object; it may be gone already."""
        with suppress(NotFound):
            await self.client.delete(resource, namespace=self.namespace, name=obj["metadata"]["name"])


class Edited(Interfered):
    """Its spec is changed; what runs goes on."""

    action = "edit"

    async def do_edit(self) -> None:
        await self.edit(TRAINING_JOBS, NAME, spec={"parameters": {"gamma": 0.5}})


class Flipped(Interfered):
    """Its spec is changed and changed back."""

    action = "flip"

    async def do_flip(self) -> None:
        for limit in (3, 2, 3):
            await self.edit(TRAINING_JOBS, NAME, spec={"backoffLimit": limit})


class Halted(Interfered):
    """It is suspended, and resumed when it says so."""

    action = "suspend"

    async def do_suspend(self) -> None:
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": True})

    async def finish(self) -> None:
        await self.reach("Suspended", *FINAL)
        await self.edit(TRAINING_JOBS, NAME, spec={"suspend": False})
        await self.reach(self.end)
        await self.remove_children()  # a Job tells that it was suspended once


class ChildDeleted(Interfered):
    """Its children are deleted by hand; they are made again as long as they are needed."""

    action = "delete_child"

    async def do_delete_child(self) -> None:
        await self.remove_children()

    async def finish(self) -> None:
        await self.reach(self.end)
        await self.remove_children()


class Deleted(Interfered):
    """It is deleted."""

    action = "delete"

    async def do_delete(self) -> None:
        await self.client.delete(TRAINING_JOBS, namespace=self.namespace, name=NAME)

    async def finish(self) -> None:
        await self.gone(TRAINING_JOBS, NAME)

    async def rest(self) -> None:
        await self.empty(JOBS, SERVICES, PODS)


class Recreated(Interfered):
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


class NamespaceEnded(Interfered):
    """Its namespace is deleted."""

    action = "end_namespace"

    async def do_end_namespace(self) -> None:
        await self.client.delete(NAMESPACES, namespace=None, name=self.namespace)

    async def finish(self) -> None:
        async def ended() -> bool:
            names = {obj["metadata"]["name"] for obj in (await self.client.list(NAMESPACES)).items}
            return self.namespace not in names

        await eventually(ended, within=PATIENCE, every=0.2)


def _of(*bases: type[TrainingJobPath]) -> type[TrainingJobPath]:
    """An interference with one of the paths; the path says what its pods do."""
    what, path = bases
    name = f"{path.name}-{what.__name__.lower()}"
    return type(f"{path.__name__}{what.__name__}", bases, {"name": name, "__doc__": what.__doc__})


INTERFERENCES: Final = (
    *(_of(what, Success) for what in (Edited, Flipped, Halted, ChildDeleted, Deleted, Recreated, NamespaceEnded)),
    *(_of(what, Retry) for what in (Flipped, Halted, ChildDeleted, Deleted)),
    *(_of(what, Distributed) for what in (Halted, ChildDeleted, Deleted)),
)
