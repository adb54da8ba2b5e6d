# SPDX-License-Identifier: Apache-2.0
"""Evaluations whose measurement goes wrong in every way, and the next one that goes well."""

from dataclasses import replace
from functools import partial
from typing import ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import EVALUATIONS
from tests.faults.paths.oddities import ODDITIES, TAKES, UNMEASURED, impatient
from tests.faults.paths.scene import FIRST, SECOND, Scene
from tests.harness.kubelet import Behaviour
from tests.integration.workshop import condition, message

GOOD: Final = "good"
SPEC: Final[Manifest] = {
    "candidate": SECOND,
    "baseline": FIRST,
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}, {"name": "accuracy", "slice": "original", "change": {"min": -0.02}}],
}


class OddResults(Scene):
    """Every oddity ends its Evaluation with a reason; the next one of the same versions passes."""

    name = "evaluation/odd-results"
    resources: ClassVar[tuple[str, ...]] = ("evaluations", "jobs", "modelversions")
    faults: ClassVar = ("crash",)

    def behave(self, pod: Manifest) -> Behaviour:
        parent = pod["metadata"]["labels"]["app.kubernetes.io/instance"]
        if parent == GOOD:
            return replace(super().behave(pod), run_for=TAKES)
        env = {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][0]["env"]}
        return ODDITIES[parent].pod(env["MLOPS_RUN_UID"])

    async def prepare(self) -> None:
        await self.set_up(FIRST, SECOND)

    async def play(self) -> None:
        async with impatient(self):
            for name in ODDITIES:
                await self.create(EVALUATIONS, name, SPEC)
            for name in ODDITIES:
                await self.come_to(partial(self.ended, name))
        await self.create(EVALUATIONS, GOOD, SPEC)
        status = await self.until(EVALUATIONS, GOOD, lambda status: status.get("phase") in ("Succeeded", "Failed"))
        assert status["verdict"] == "Pass", status

    async def ended(self, name: str) -> None:
        """Wait for the end, and see that it says what went wrong."""
        oddity = ODDITIES[name]
        status = await self.until(EVALUATIONS, name, lambda status: status.get("phase") in ("Succeeded", "Failed"))
        if name == UNMEASURED:
            assert (status["phase"], status["verdict"]) == ("Succeeded", oddity.reason), status
            assert oddity.words in message(status), status
            return
        assert (status["phase"], status["verdict"]) == ("Failed", "Error"), status
        assert condition(status, "Stalled") == ("True", oddity.reason), status
        assert oddity.words in message(status), status


EVALUATION: Final = (OddResults,)
