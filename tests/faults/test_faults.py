"""A part of the fault runs that is small enough for every test run; `make faults` runs them all."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest

from tests.faults.__main__ import REGRESSIONS, sample
from tests.faults.campaign import Campaign, Walked
from tests.faults.paths import PATHS
from tests.faults.plan import Crash, Plan, load
from tests.faults.planner import plans, points
from tests.faults.run import Outcome, ground
from tests.harness.clusters import own_cluster

PLANS_PER_PATH = 4
SEED = 20
TOO_LONG = frozenset({"slow", "pause"})
"""Faults that take half a minute each."""

NEVER = Plan(
    name="never",
    path="trainingjob/success",
    faults=(Crash(write="create jobs nobody-#", position="at"),),
)


def drawn(walked: Walked, seed: int) -> list[Plan]:
    """A few plans of a path, of different kinds of fault."""
    one_of_each = sample(plans(walked.path, walked.outcomes, every_ending=False), 1, seed)
    quick = [plan for plan in one_of_each if plan.faults[0].fault not in TOO_LONG]
    return random.Random(f"{seed} {walked.path.name}").sample(quick, PLANS_PER_PATH)


async def run_all() -> Mapping[str, Sequence[Outcome]]:
    found: defaultdict[str, list[Outcome]] = defaultdict(list)
    with own_cluster("faults") as cluster:
        async with ground(cluster) as shared:
            campaign = Campaign(shared, references=2)
            walked = await asyncio.gather(*(campaign.walk(path) for path in PATHS.values()))
            wanted = [load(file) for file in sorted(REGRESSIONS.glob("*.yaml"))]
            wanted += [plan for entry in walked for plan in drawn(entry, SEED)]
            for outcome in await campaign.run([*wanted, NEVER], PATHS):
                found[outcome.plan.name if outcome.plan == NEVER else outcome.plan.path].append(outcome)
            for entry in walked:
                assert points(entry.outcomes), f"{entry.path.name} writes nothing: there is no point to strike at"
    return found


@pytest.fixture(scope="session")
def outcomes() -> Mapping[str, Sequence[Outcome]]:
    return asyncio.run(run_all())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", PATHS)
def test_a_path_ends_as_without_faults(outcomes: Mapping[str, Sequence[Outcome]], path: str) -> None:
    assert len(outcomes[path]) >= PLANS_PER_PATH
    assert {outcome.plan.name: outcome.failures for outcome in outcomes[path] if outcome.failures} == {}


def test_a_plan_that_never_fires_is_a_failure(outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    ((failure,),) = [outcome.failures for outcome in outcomes["never"]]
    assert "never fired" in failure
