# SPDX-License-Identifier: Apache-2.0
"""A Promotion whose gate is passed, with which somebody interferes."""

from typing import Final

from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODELS, PROMOTIONS
from tests.faults.paths.interfered import Interfered, NamespaceEnded
from tests.faults.paths.promotion import Pass
from tests.faults.paths.scene import MODEL, SECOND


class InterferedPromotion(Interfered, Pass):
    """Something is done while the second version is measured."""

    async def begin(self) -> None:
        await self.promote(SECOND)

    async def come_midway(self) -> None:
        phases = ("Evaluating", "Promoting", "Promoted")
        await self.until(PROMOTIONS, f"to-{SECOND}", lambda status: status.get("phase") in phases)

    async def finish(self) -> None:
        await self.passed()


class ModelEdited(InterferedPromotion):
    """The Model's spec is changed, though not its gate."""

    name = Pass.actions["edit_model"]
    action = "edit_model"

    async def do_edit_model(self) -> None:
        await self.edit(MODELS, MODEL, spec={"description": "digits of postal codes"})


class EvaluationDeleted(InterferedPromotion):
    """The Evaluation is deleted by hand; it is made again while it is needed."""

    name = Pass.actions["delete_evaluation"]
    action = "delete_evaluation"

    async def do_delete_evaluation(self) -> None:
        await self.remove(EVALUATIONS)

    async def rest(self) -> None:
        await self.remove(EVALUATIONS)
        await self.empty(EVALUATIONS, JOBS)


class JobDeleted(InterferedPromotion):
    """The Job of the Evaluation is deleted by hand; it is made again while it is needed."""

    name = Pass.actions["delete_job"]
    action = "delete_job"

    async def do_delete_job(self) -> None:
        await self.remove(JOBS)

    async def rest(self) -> None:
        await self.remove(JOBS)
        await self.empty(JOBS)


class PromotionNamespaceEnded(NamespaceEnded, InterferedPromotion):
    """Its namespace is deleted."""

    name = Pass.actions["end_namespace"]


PROMOTION_INTERFERENCES: Final = (ModelEdited, EvaluationDeleted, JobDeleted, PromotionNamespaceEnded)
