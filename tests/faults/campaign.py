# SPDX-License-Identifier: Apache-2.0
"""Runs many plans side by side on one control plane and judges each by its path's reference."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from tests.faults.history import Write
from tests.faults.oracles import Reference, creations, end_state
from tests.faults.paths.base import Path
from tests.faults.plan import Fault, Hold, Plan
from tests.faults.planner import awaited, by_chance, points, were_told
from tests.faults.run import CONVERGENCE, Ground, Outcome, run

REFERENCES: Final = 3
"""Runs without faults from which a path's reference is made."""

AT_ONCE: Final = 8
"""Runs side by side: they mostly wait for pods and resyncs."""

LONGEST_FAILURE: Final = 2000
"""Characters of a failure that may quote whole objects."""


@dataclass
class Walked:
    """A path's runs without faults, and what is expected of all others."""

    path: type[Path]
    outcomes: list[Outcome]
    reference: Reference

    def usual(self, plan: Plan) -> float:
        """Seconds that the path takes without faults from the plan's first write to its end; at the longest."""
        keys = {(getattr(fault, "write", None), getattr(fault, "nth", 1)) for fault in plan.faults}
        return max(_rest(outcome.history.writes, keys) for outcome in self.outcomes)


class Campaign:
    """Runs on one ground.

    Attributes:
        notify: called with every outcome.

    Args:
        ground: where.
        at_once: runs side by side.
        references: undisturbed runs of each path.
        walked: paths that were walked already.
    """

    def __init__(
        self,
        ground: Ground,
        *,
        at_once: int = AT_ONCE,
        references: int = REFERENCES,
        walked: Mapping[str, Walked] | None = None,
    ) -> None:
        self.notify: Callable[[Outcome], None] = lambda _: None
        self._ground = ground
        self._turns = asyncio.Semaphore(at_once)
        self._references = references
        self._walked = dict(walked or {})
        self._walks: dict[str, asyncio.Task[Walked]] = {}

    async def walk(self, path: type[Path]) -> Walked:
        """The path's reference; walked once, however often it is asked for."""
        if path.name in self._walked:
            return self._walked[path.name]
        if path.name not in self._walks:
            self._walks[path.name] = asyncio.create_task(self._reference(path), name=f"walk {path.name}")
        return await self._walks[path.name]

    async def known(self, plans: Sequence[Plan], paths: Mapping[str, type[Path]]) -> dict[str, Walked]:
        """The references of the plans' paths, by name, where they were walked to their end."""
        names = sorted({plan.path for plan in plans})
        found = await asyncio.gather(*(self.walk(paths[name]) for name in names), return_exceptions=True)
        return {name: walked for name, walked in zip(names, found, strict=True) if isinstance(walked, Walked)}

    async def run(self, plans: Sequence[Plan], paths: Mapping[str, type[Path]]) -> list[Outcome]:
        """The outcomes of plans, each with what its reference says about it, in their order.

        Their histories are there for who is notified, and no longer.
        """

        async def one(plan: Plan) -> Outcome:
            try:
                walked = await self.walk(paths[plan.path])
            except AssertionError as error:
                outcome = Outcome(plan, failures=[f"nothing to hold it against: {error}"[:LONGEST_FAILURE]])
                self.notify(outcome)
                return outcome
            outcome = await self._run(plan)
            if outcome.idle and not await self._chance(walked, outcome.idle):
                outcome.failures += [f"never fired: {fault!r}" for fault in outcome.idle]
            outcome.failures += differences(walked.reference, outcome)
            outcome.converged = max(0.0, outcome.converged - walked.usual(plan))
            if outcome.converged > CONVERGENCE:
                outcome.failures.append(f"converged {outcome.converged:.1f} s later than usual after the last fault")
            self.notify(outcome)
            outcome.forget()
            return outcome

        return list(await asyncio.gather(*map(one, plans)))

    async def _chance(self, walked: Walked, idle: Sequence[Fault]) -> bool:
        async def again() -> Outcome:
            return await self._run(_undisturbed(walked.path, len(walked.outcomes) + 1))

        return await come_by_chance(idle, walked.outcomes, again, at_most=self._references)

    async def _run(self, plan: Plan) -> Outcome:
        async with self._turns:
            return await run(self._ground, plan)

    async def _reference(self, path: type[Path]) -> Walked:
        plans = [_undisturbed(path, number + 1) for number in range(self._references)]
        outcomes = await asyncio.gather(*map(self._run, plans))
        failures = [f"{outcome.plan.name}: {failure}" for outcome in outcomes for failure in outcome.failures]
        if failures:
            raise AssertionError(f"the path does not come to its end without any fault: {failures}")
        states = [end_state(outcome.objects, outcome.history) for outcome in outcomes]
        return Walked(path, outcomes, Reference.of(states, [creations(outcome.history) for outcome in outcomes]))


async def come_by_chance(
    idle: Sequence[Fault], references: list[Outcome], again: Callable[[], Awaitable[Outcome]], *, at_most: int
) -> bool:
    """Whether one of the faults that never fired waits for what not every run without faults makes: a write, or news.

    All references made it, or there were no such plan. So the path is walked again; a walk without it shows that it
    comes by chance.

    Args:
        idle: the faults.
        references: runs without faults; those that are made here are added.
        again: walks the path without faults.
        at_most: how often it is walked again.
    """
    needed = {point for fault in idle for point in awaited(fault)}
    holds = [fault for fault in idle if isinstance(fault, Hold)]
    for left in reversed(range(at_most + 1)):
        news = [were_told(hold, references) for hold in holds]
        if needed & set(by_chance(references)) or any(any(told) and not all(told) for told in news):
            return True
        if not left or not (needed & set(points(references)) or any(map(all, news))):
            return False
        outcome = await again()
        if outcome.failures:
            return False
        references.append(outcome)
    return False


def _undisturbed(path: type[Path], number: int) -> Plan:
    return Plan(name=f"{path.name} undisturbed {number}", path=path.name, faults=())


def _rest(writes: Sequence[Write], keys: Set[tuple[str | None, int]]) -> float:
    """Seconds from the first write of `keys` to the last of all; from the first of all if there is none of them."""
    if not writes:
        return 0.0
    begin = next((write.at for write in writes if (write.key, write.nth) in keys), writes[0].at)
    return writes[-1].at - begin


def differences(reference: Reference, outcome: Outcome) -> list[str]:
    """What is not as it is without faults."""
    if not outcome.objects:
        return []  # it did not come to its end, which is said already
    counts = creations(outcome.history) if outcome.plan.counts else None
    return reference.differences(end_state(outcome.objects, outcome.history), counts)
