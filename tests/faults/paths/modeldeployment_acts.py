# SPDX-License-Identifier: Apache-2.0
"""A ModelDeployment with which somebody interferes."""

from functools import partial
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    JOBS,
    MODEL_DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    SERVICES,
)
from tests.faults.paths.base import PATIENCE
from tests.faults.paths.modeldeployment import ModelDeploymentPath, Rollout
from tests.faults.paths.scene import FIRST, MODEL, SECOND
from tests.harness.waiting import eventually


class Edited(ModelDeploymentPath):
    """Other settings of the servers roll out."""

    name = "modeldeployment/edited"
    derived = True

    async def play(self) -> None:
        await self.start()
        if not self.interrupted:
            await self.serving(FIRST)
            await self.do_edit()
        await self.come_to(partial(self.serving, FIRST))

    async def rest(self) -> None:
        await self.without_former_checks()


class Deleted(ModelDeploymentPath):
    """It is deleted, and all that it made goes with it."""

    name = "modeldeployment/deleted"
    derived = True

    async def play(self) -> None:
        await self.start()
        if not self.interrupted:
            await self.serving(FIRST)
            await self.do_delete()
        await self.come_to(partial(self.gone, MODEL_DEPLOYMENTS, MODEL))

    async def rest(self) -> None:
        await self.empty(DEPLOYMENTS, SERVICES, JOBS, POD_DISRUPTION_BUDGETS, PODS)


class Recreated(ModelDeploymentPath):
    """It is deleted and made again under its name."""

    name = "modeldeployment/recreated"
    derived = True

    async def play(self) -> None:
        await self.start()
        if not self.interrupted:
            await self.serving(FIRST)
            await self.do_recreate()
        await self.come_to(partial(self.serving, FIRST))

    async def rest(self) -> None:
        await self.without_former_checks()
        uid = (await self.get(MODEL_DEPLOYMENTS, MODEL))["metadata"]["uid"]

        def own(children: list[Manifest]) -> bool:
            return all(child["metadata"]["ownerReferences"][0]["uid"] == uid for child in children)

        for resource in (DEPLOYMENTS, SERVICES, POD_DISRUPTION_BUDGETS):
            await eventually(partial(self.all, resource), own, within=PATIENCE, every=0.1)


class NamespaceEnded(Deleted):
    """Its namespace is deleted with all that is in it."""

    name = "modeldeployment/namespace-ended"
    do_delete = Deleted.do_end_namespace

    async def rest(self) -> None:
        await self.namespace_gone()


class _InterferedRollout(ModelDeploymentPath):
    """Somebody interferes while the next version takes over.

    Attributes:
        ends_with: the version that serves at the end.
    """

    derived = True
    versions: ClassVar = Rollout.versions
    spec: ClassVar = Rollout.spec
    ends_with: ClassVar[str]

    async def interfere(self) -> None:
        """What is done in the middle."""
        raise NotImplementedError

    async def play(self) -> None:
        await self.start()
        await self.serving(FIRST)
        await self.promote(SECOND)
        if not self.interrupted:
            await self.candidate("Stepping")
            await self.interfere()
        await self.come_to(partial(self.serving, self.ends_with))

    async def rest(self) -> None:
        await self.without_former_checks()


class RolloutEdited(_InterferedRollout):
    """The settings of the servers change."""

    name = "modeldeployment/rollout-edited"
    ends_with = SECOND
    interfere = ModelDeploymentPath.do_edit


class PinnedBack(_InterferedRollout):
    """The former version is asked for."""

    name = "modeldeployment/pinned-back"
    ends_with = FIRST
    interfere = ModelDeploymentPath.do_pin_back


MODELDEPLOYMENT_INTERFERENCES: Final = (Edited, Deleted, Recreated, NamespaceEnded, RolloutEdited, PinnedBack)
