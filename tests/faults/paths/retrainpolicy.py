# SPDX-License-Identifier: Apache-2.0
"""A RetrainPolicy from a trigger to the version that takes over: all kinds together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import TRIGGER_ANNOTATION
from mlops_operator.kube.resources import (
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
)
from tests.faults.paths.scene import ALIAS, FIRST, MODEL, Scene
from tests.harness.kubelet import SERVE, Behaviour
from tests.integration.workshop import condition

NAME: Final = "policy"
MONITOR: Final = "live"

RUN: Final = 1.5
"""Seconds that a Job's pod runs: the Job controller gathers what pods do for one second."""

GATE: Final[Manifest] = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9, "change": {"min": -0.02}}],
}

WINDOW: Final = timedelta(hours=1)


class PolicyPath(Scene):
    """A policy for the Model, whose alias has a gate."""

    resources: ClassVar[tuple[str, ...]] = (
        "retrainpolicies", "trainingjobs", "jobs", "models", "modelversions", "promotions", "evaluations",
    )  # fmt: skip

    def behave(self, pod: Manifest) -> Behaviour:
        usual = super().behave(pod)
        return usual if usual == SERVE else replace(usual, run_for=RUN)

    async def policy(self, **spec: Any) -> None:
        """The policy; by default people alone trigger it."""
        fields: Manifest = {
            "model": MODEL,
            "guard": {"cooldown": "10m"},
            "promote": {"alias": ALIAS},
            "training": {"spec": {"image": "example.test/train:1", "parameters": {"gamma": 0.001}}},
            **spec,
        }
        await self.create(RETRAIN_POLICIES, NAME, fields)

    async def promoted(self) -> str:
        """The version that came of the policy's one training, as soon as the alias points at it."""

        def accept(status: Manifest) -> bool:
            return status.get("phase") == "Idle" and any("result" in entry for entry in status.get("decisions") or ())

        status = await self.until(RETRAIN_POLICIES, NAME, accept)
        (decision,) = status["decisions"]
        assert decision["result"] == "Promoted", decision
        version: str = decision["modelVersion"]
        (entry,) = (await self.get(MODELS, MODEL))["status"]["aliases"]
        assert entry["version"] == version, entry
        await self.until(PROMOTIONS, decision["promotion"], lambda status: status.get("phase") == "Promoted")
        return version

    async def do_suspend(self) -> None:
        """Suspend the policy, and resume it at once."""
        for suspend in (True, False):
            await self.edit(RETRAIN_POLICIES, NAME, spec={"suspend": suspend})

    async def do_edit(self) -> None:
        """Change what keeps the next training from starting."""
        await self.edit(RETRAIN_POLICIES, NAME, spec={"guard": {"cooldown": "20m"}})


class Asked(PolicyPath):
    """A person asks: a training, its version, the gate alone, and the alias points at its first version."""

    name = "retrainpolicy/asked"
    actions: ClassVar = {"suspend": "", "edit": "retrainpolicy/edited"}

    async def prepare(self) -> None:
        await self.set_up(pointing=False, gate=GATE)
        await self.policy()
        await self.settle()

    async def play(self) -> None:
        await self.edit(RETRAIN_POLICIES, NAME, metadata={"annotations": {TRIGGER_ANNOTATION: "please"}})
        await self.come_to(self.promoted)


class Edited(Asked):
    """The policy is edited meanwhile."""

    name = "retrainpolicy/edited"
    derived = True
    actions: ClassVar = {}

    async def play(self) -> None:
        await super().play()
        if not self.interrupted:
            await self.do_edit()


class Breach(PolicyPath):
    """A monitor was breached: a training, its version, the gate against what serves, and the rollout."""

    name = "retrainpolicy/breach"
    resources: ClassVar = (*PolicyPath.resources, "modelmonitors", "modeldeployments", "deployments")

    async def prepare(self) -> None:
        await self.set_up(FIRST, gate=GATE)
        await self.served()
        await self.breached()
        await self.settle()

    async def breached(self) -> None:
        """A monitor that is suspended by now, with two windows that breached its limit."""
        spec = {
            "target": {"deployment": MODEL},
            "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
            "window": {"size": "1h"},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
            "suspend": True,
        }
        await self.create(MODEL_MONITORS, MONITOR, spec)
        verdict = {"name": "accuracy", "breached": "True", "value": 0.53, "lower": 0.9, "n": 600}
        metrics = [{**verdict, "reason": "BelowLimit", "message": "0.53 is below 0.9"}]
        end = datetime.now(UTC).replace(minute=0, second=0)  # evidence has a maximum age
        windows = [
            {
                "start": timestamp(end - count * WINDOW),
                "end": timestamp(end - (count - 1) * WINDOW),
                "version": FIRST,
                "metrics": metrics,
            }
            for count in (2, 1)
        ]
        await self.say(MODEL_MONITORS, MONITOR, {"windows": windows})

    async def play(self) -> None:
        await self.policy(
            signals=[{"name": "live", "monitor": MONITOR, "for": {"breached": 2, "of": 3}}],
            triggers=[{"name": "fell", "signal": "live"}],
        )
        version = await self.promoted()

        def serves(status: Manifest) -> bool:
            return condition(status, "Ready") == ("True", "Serving") and status["stable"]["version"] == version

        await self.until(MODEL_DEPLOYMENTS, MODEL, serves)


RETRAINPOLICY: Final = (Asked, Edited, Breach)
