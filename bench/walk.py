# SPDX-License-Identifier: Apache-2.0
"""Counts how far one event of a TrainingJob travels through the code: `python -m bench.walk`.

A step is control passing from one module of the operator to another, by a call or by a return; what happens within a
module, and in other libraries, is not counted. A place is a module. Both depend on the code alone, not on the machine.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import mlops_operator
from mlops_operator.runtime.work.plan import Plan
from tests.unit.controllers.builders import job_ended, job_started, later, succeeded_pod
from tests.unit.controllers.trainingjob.driver import NAME, Run

PACKAGE: Final = str(Path(mlops_operator.__file__).parent)


@dataclass
class Walk:
    """The way of one plan through the modules.

    Attributes:
        steps: the modules in the order in which control passed to them.
    """

    steps: list[str] = field(default_factory=list)

    @property
    def places(self) -> set[str]:
        """The modules that were visited."""
        return set(self.steps)

    def of(self, work: Callable[[], Plan]) -> Plan:
        """Do `work` and record its steps."""
        sys.setprofile(self._profile)
        try:
            return work()
        finally:
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event not in ("call", "return") or (module := _module(frame)) is None:
            return
        place = module if event == "call" else _caller(frame)
        if place is not None and self.steps[-1:] != [place]:
            self.steps.append(place)


def _module(frame: FrameType) -> str | None:
    """The operator's module in which a function is defined; None for other code and for bodies of classes."""
    file = frame.f_code.co_filename
    if not file.startswith(PACKAGE):
        return None
    return file.removeprefix(PACKAGE).removesuffix(".py").strip("/").replace("/", ".")


def _caller(frame: FrameType) -> str | None:
    """The module of the nearest caller in the operator."""
    caller = frame.f_back
    while caller is not None:
        if (module := _module(caller)) is not None:
            return module
        caller = caller.f_back
    return None


def events() -> Sequence[tuple[str, Walk]]:
    """The ordinary events of a TrainingJob: it is new, its Job runs, its Job has succeeded."""
    run = Run({})
    found = []

    def event(name: str) -> None:
        walk = Walk()
        walk.of(lambda: run.cluster.plan(run.controller, NAME))
        found.append((name, walk))
        run.settle()

    run.cluster.plan(run.controller, NAME)  # what is made at the first use is no part of an event
    event("a new TrainingJob")
    run.cluster.store(job_started(run.job, at=later(1), ready=1))
    event("its Job runs")
    run.cluster.pods[run.job["metadata"]["name"]] = [succeeded_pod(run.job)]
    run.cluster.store(job_ended(run.job, at=later(9)))
    event("its Job has succeeded")
    return found


def main() -> int:
    """Print the figures, and where the steps of the longest walk lead."""
    walks = events()
    for name, walk in walks:
        print(f"{name}: {len(walk.steps)} steps in {len(walk.places)} places")
    name, longest = max(walks, key=lambda entry: len(entry[1].steps))
    print(f"\n{name}, entries by place:")
    for place in sorted(longest.places, key=lambda place: (-longest.steps.count(place), place)):
        print(f"  {longest.steps.count(place):3} {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
