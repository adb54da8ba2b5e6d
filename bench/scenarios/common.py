# SPDX-License-Identifier: Apache-2.0
"""What a scenario is."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from bench.calibration import plain_rate
from bench.figures import Figures
from bench.stage import Stage, stage
from bench.systems import System
from localcluster.progress import Progress

BOTH: Final = ("mlops", "naive")
"""Names of the operator and of the baseline, which can play almost everything."""

Rows: TypeAlias = dict[str, Figures]
"""Figures of one run, by row of the table."""


@dataclass(frozen=True)
class Trial:
    """One run of a scenario.

    Attributes:
        system: the operator that is measured.
        progress: receives the current step.
        quick: whether sizes are small, for trying.
        fsync: whether etcd writes to disk.
        plain_rates: what the API server took before each of its stages; see `calibration.plain_rate`.
    """

    system: System
    progress: Progress
    quick: bool = False
    fsync: bool = True
    plain_rates: list[float] = field(default_factory=list)

    def size(self, full: int, quick: int) -> int:
        """The size for this run."""
        return quick if self.quick else full


@asynccontextmanager
async def play(trial: Trial) -> AsyncIterator[Stage]:
    """A stage for a trial, after it was found out what the API server takes there."""
    async with stage(trial.system, trial.progress, fsync=trial.fsync) as scene:
        trial.plain_rates.append(await plain_rate(scene, trial.size(1500, 100)))
        yield scene


class Run(Protocol):
    """Carries out a trial."""

    def __call__(self, trial: Trial, /) -> Coroutine[Any, Any, Rows]:
        """Play it once; the figures."""


@dataclass(frozen=True)
class Scenario:
    """An entry of the list.

    Attributes:
        name: on the command line.
        title: one line on what it asks.
        run: one trial.
        systems: names of the operators that can play it.
    """

    name: str
    title: str
    run: Run
    systems: tuple[str, ...] = BOTH
