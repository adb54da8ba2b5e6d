# SPDX-License-Identifier: Apache-2.0
"""The life of a Promotion, and of the alias that it moves."""

from collections.abc import Sequence
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from tests.faults.paths.scene import ALIAS, FIRST, MODEL, SECOND, THIRD, Scene
from tests.harness.kubelet import SERVE, Behaviour
from tests.integration.workshop import condition, digest_of

GATE: Final = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}, {"name": "accuracy", "slice": "original", "change": {"min": 0}}],
}


class PromotionPath(Scene):
    """A Model whose alias points at the first of its versions, with a gate.

    Attributes:
        versions: verified in former times.
    """

    resources = ("models", "modelversions", "promotions", "evaluations", "jobs")
    versions: ClassVar[Sequence[str]] = (FIRST, SECOND)

    async def prepare(self) -> None:
        self.accuracy = {digest_of(SECOND): 0.97, digest_of(THIRD): 0.98}
        await self.set_up(*self.versions, gate=GATE)

    async def decided(self, name: str, phase: str) -> None:
        """Wait until a Promotion has come to this end."""
        await self.until(PROMOTIONS, name, lambda status: status.get("phase") == phase)

    async def used(self, version: str) -> None:
        """Wait until the alias points at this version, and the version says so."""
        await self.until(
            MODELS,
            MODEL,
            lambda status: [entry["version"] for entry in status.get("aliases") or ()] == [version],
        )
        await self.until(MODEL_VERSIONS, version, lambda status: status.get("aliases") == [ALIAS])


class Pass(PromotionPath):
    """The gate lets the second version through."""

    name = "promotion/pass"
    actions: ClassVar = {
        "edit_model": "promotion/model-edited",
        "delete_evaluation": "promotion/evaluation-deleted",
        "delete_job": "promotion/job-deleted",
        "end_namespace": "promotion/namespace-ended",
    }

    async def play(self) -> None:
        await self.promote(SECOND)
        await self.passed()

    async def passed(self) -> None:
        """Wait until the second version is promoted."""
        await self.decided(f"to-{SECOND}", "Promoted")
        await self.used(SECOND)


class Fail(PromotionPath):
    """The gate refuses the second version, which is rejected by that."""

    name = "promotion/fail"

    async def prepare(self) -> None:
        await super().prepare()
        self.accuracy[digest_of(SECOND)] = 0.5

    async def play(self) -> None:
        await self.promote(SECOND)
        await self.decided(f"to-{SECOND}", "Rejected")
        await self.until(MODEL_VERSIONS, SECOND, lambda status: condition(status, "Rejected")[0] == "True")


class Superseded(PromotionPath):
    """While the second version is measured, which takes for ever, the third one is asked for."""

    name = "promotion/superseded"
    versions = (FIRST, SECOND, THIRD)

    def behave(self, pod: Manifest) -> Behaviour:
        text = str(pod["spec"]["containers"])
        return SERVE if f'"{digest_of(SECOND)}"' in text and THIRD not in text else super().behave(pod)

    async def play(self) -> None:
        await self.promote(SECOND)
        await self.decided(f"to-{SECOND}", "Evaluating")
        await self.until(EVALUATIONS, await self.evaluation(), lambda status: status.get("phase") == "Running")
        await self.promote(THIRD)
        await self.decided(f"to-{SECOND}", "Superseded")
        await self.decided(f"to-{THIRD}", "Promoted")
        await self.used(THIRD)

    async def evaluation(self) -> str:
        """Name of the Evaluation of the second version."""
        return str((await self.get(PROMOTIONS, f"to-{SECOND}"))["status"]["evaluation"])


class Rollback(PromotionPath):
    """The second version is promoted, and then the first one again."""

    name = "promotion/rollback"

    async def play(self) -> None:
        await self.promote(SECOND)
        await self.decided(f"to-{SECOND}", "Promoted")
        await self.used(SECOND)
        await self.promote(FIRST, name="back")
        await self.decided("back", "Promoted")
        await self.used(FIRST)


class Bootstrap(PromotionPath):
    """The first version there is gets verified, and the alias that points at nothing."""

    name = "promotion/bootstrap"

    async def prepare(self) -> None:
        await self.set_up(pointing=False, bootstrap=True, gate=GATE)

    async def play(self) -> None:
        await self.version(FIRST, ready=False)
        await self.used(FIRST)


class Restore(PromotionPath):
    """The alias is restored to the first version once that is verified; an earlier Promotion asks for the second."""

    name = "promotion/restore"

    async def prepare(self) -> None:
        restore = {"version": FIRST, "digest": digest_of(FIRST)}
        await self.set_up(SECOND, pointing=False, gate=GATE, bootstrap=True, restore=restore)
        await self.promote(SECOND)

    async def play(self) -> None:
        await self.version(FIRST, ready=False)
        await self.used(FIRST)
        await self.decided(f"to-{SECOND}", "Superseded")


PROMOTION: Final = (Pass, Fail, Superseded, Rollback, Bootstrap, Restore)
