# SPDX-License-Identifier: Apache-2.0
"""The windows of a ModelMonitor: one that is measured, and those that could not be."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS, PODS
from tests.faults.paths.base import PATIENCE
from tests.faults.paths.oddities import ODDITIES, TAKES, impatient
from tests.faults.paths.scene import FIRST, MODEL, Scene
from tests.faults.plan import FAULTS
from tests.harness.kubelet import SERVE, Behaviour
from tests.harness.waiting import eventually
from tests.integration.workshop import condition

NAME: Final = "live"

SHORT: Final = "5s"
"""The shortest window."""

LONG: Final = range(240, 3600)
"""Seconds of windows of which no second one ends during a run."""

AHEAD: Final = range(4, 60)
"""Seconds from now until a window ends that is to be measured; sooner rather than later."""


def long_window() -> str:
    """A window's size such that one of them ends soon, and the next one long after the run.

    Windows begin at multiples of their size since 1970.
    """
    now = int(time.time())
    ends = ((end, size) for end in AHEAD for size in LONG if (now + end) % size == 0)
    return f"{next(ends)[1]}s"


class MonitorPath(Scene):
    """Monitors of one ModelDeployment."""

    resources: ClassVar[tuple[str, ...]] = ("modelmonitors", "modeldeployments", "jobs")
    faults: ClassVar[Collection[str]] = FAULTS - {"clock"}  # by another clock other windows have passed

    def behave(self, pod: Manifest) -> Behaviour:
        usual = super().behave(pod)
        return usual if usual == SERVE else replace(usual, run_for=TAKES)

    async def prepare(self) -> None:
        await self.set_up(FIRST)
        await self.served()

    async def monitor(self, name: str, **window: Any) -> None:
        """A ModelMonitor whose first window ends soon."""
        spec = {
            "target": {"deployment": MODEL},
            "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
            "window": {"size": long_window(), **window},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
        }
        await self.create(MODEL_MONITORS, name, spec)

    async def measured(self, name: str, windows: int) -> Manifest:
        """The status, as soon as so many windows were measured."""
        return await self.until(MODEL_MONITORS, name, lambda status: len(status.get("windows") or ()) >= windows)


class Window(MonitorPath):
    """A window ends and breaches its limit; then the monitor is suspended."""

    name = "modelmonitor/window"
    actions: ClassVar = {
        "suspend": "",
        "delete_child": "modelmonitor/child-deleted",
    }

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.live[FIRST] = 0.53
        self.hands = asyncio.Lock()

    async def play(self) -> None:
        await self.monitor(NAME)
        await self.measured(NAME, 1)
        # The size depended on the time of day; what is left of the run must not.
        async with self.hands:
            await self.edit(MODEL_MONITORS, NAME, spec={"suspend": True, "window": {"size": "1h"}})
        await self.come_to(self.suspended)

    async def suspended(self) -> None:
        """Wait until it is, and see that the breach is still told."""
        status = await self.until(
            MODEL_MONITORS, NAME, lambda status: status.get("phase") == "Suspended" and "measuring" not in status
        )
        assert condition(status, "Breached") == ("True", "BelowLimit"), status

    async def do_suspend(self) -> None:
        """Suspend it and resume it at once, or the other way round."""
        async with self.hands:
            former = bool((await self.get(MODEL_MONITORS, NAME))["spec"].get("suspend"))
            for suspend in (not former, former):
                await self.edit(MODEL_MONITORS, NAME, spec={"suspend": suspend})

    async def do_delete_child(self) -> None:
        await self.remove(JOBS)


class ChildDeleted(Window):
    """The window's Job is deleted by hand: at the end it is there or not, depending on when."""

    name = "modelmonitor/child-deleted"
    derived = True
    actions: ClassVar = {}

    async def play(self) -> None:
        await super().play()
        if not self.interrupted:
            await self.do_delete_child()

    async def rest(self) -> None:
        await self.do_delete_child()
        await self.empty(JOBS)

        def served_alone(pods: list[Manifest]) -> bool:
            return not any("job-name" in pod["metadata"]["labels"] for pod in pods)

        await eventually(partial(self.all, PODS), served_alone, within=PATIENCE, every=0.1)


class OddResults(MonitorPath):
    """Every oddity leaves its window unknown, with a reason; the next window that goes well mends the monitor."""

    name = "modelmonitor/odd-results"
    faults: ClassVar = ("crash",)
    counted = False

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.mended = False

    def behave(self, pod: Manifest) -> Behaviour:
        parent = pod["metadata"]["labels"]["app.kubernetes.io/instance"]
        if self.mended or parent not in ODDITIES:
            return super().behave(pod)
        env = {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][0]["env"]}
        return ODDITIES[parent].pod(env["MLOPS_RUN_UID"])

    async def play(self) -> None:
        async with impatient(self):
            for name in ODDITIES:
                await self.monitor(name)
            for name in ODDITIES:
                await self.unmeasured(name)
        self.mended = True
        for name in ODDITIES:
            await self.edit(MODEL_MONITORS, name, spec={"window": {"size": SHORT}})
        for name in ODDITIES:
            await self.until(MODEL_MONITORS, name, _is_well)
        for name in ODDITIES:
            await self.client.delete(MODEL_MONITORS, namespace=self.namespace, name=name)
        await self.empty(MODEL_MONITORS)

    async def rest(self) -> None:
        await self.empty(JOBS)

    async def unmeasured(self, name: str) -> None:
        """Wait for the window, and see that it says what went wrong."""
        oddity = ODDITIES[name]
        status = await self.measured(name, 1)
        (verdict,) = status["windows"][0]["metrics"]
        assert (verdict["breached"], verdict["reason"]) == ("Unknown", oddity.reason), status
        assert oddity.words in verdict["message"], status
        assert condition(status, "Breached") == ("Unknown", oddity.reason), status
        works = oddity.reason == "NoData"
        assert condition(status, "Ready") == (("True", "Monitoring") if works else ("False", oddity.reason)), status


def _is_well(status: Manifest) -> bool:
    good = condition(status, "Breached") == ("False", "WithinLimits")
    return good and condition(status, "Ready") == ("True", "Monitoring")


MODELMONITOR: Final = (Window, ChildDeleted, OddResults)
