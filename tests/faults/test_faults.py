# SPDX-License-Identifier: Apache-2.0
"""A part of the fault runs that is small enough for every test run; `make faults` runs them all."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from localcluster import Cluster
from tests.faults.__main__ import REGRESSIONS, sample
from tests.faults.campaign import Campaign, Walked
from tests.faults.paths import PATHS
from tests.faults.plan import Crash, Plan, load
from tests.faults.planner import plans, points
from tests.faults.run import Outcome, ground

PLANS_PER_PATH: Final = 2
SEED: Final = 20
TOO_LONG: Final = frozenset({"slow", "pause", "delay"})
"""Faults that may take half a minute each."""

WALKED: Final = [name for name, path in PATHS.items() if not path.derived]
NAMED: Final = {file.stem: load(file) for file in sorted(REGRESSIONS.glob("*.yaml"))}

NEVER: Final = Plan(
    name="never",
    path="trainingjob/success",
    faults=(Crash(write="create jobs nobody-#", position="at"),),
)


def drawn(walked: Walked) -> list[Plan]:
    """A few plans of a path, of different kinds of fault where it has several."""
    one_of_each = sample(plans(walked.path, walked.outcomes, every_ending=False), 1, SEED)
    quick = [plan for plan in one_of_each if plan.faults[0].fault not in TOO_LONG]
    return random.Random(f"{SEED} {walked.path.name}").sample(quick, min(PLANS_PER_PATH, len(quick)))


async def run_all(cluster: Cluster) -> Mapping[str, Sequence[Outcome]]:
    async with ground(cluster) as shared:
        campaign = Campaign(shared, references=2)

        async def of_path(name: str) -> tuple[str, Sequence[Outcome]]:
            walked = await campaign.walk(PATHS[name])
            assert points(walked.outcomes), f"{name} writes nothing: there is no point to strike at"
            return name, await campaign.run(drawn(walked), PATHS)

        async def of_plan(name: str, plan: Plan) -> tuple[str, Sequence[Outcome]]:
            return name, await campaign.run([plan], PATHS)

        named = [of_plan(name, plan) for name, plan in {**NAMED, "never": NEVER}.items()]
        return dict(await asyncio.gather(*map(of_path, WALKED), *named))


@pytest.fixture(scope="session")
def outcomes(control_plane: Cluster) -> Mapping[str, Sequence[Outcome]]:
    return asyncio.run(run_all(control_plane))


def failures(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    return {outcome.plan.name: outcome.failures for outcome in outcomes if outcome.failures}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", WALKED)
def test_a_path_ends_as_without_faults(outcomes: Mapping[str, Sequence[Outcome]], path: str) -> None:
    assert outcomes[path], "no plan was drawn"
    assert failures(outcomes[path]) == {}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", NAMED)
def test_what_was_mended_stays_mended(outcomes: Mapping[str, Sequence[Outcome]], name: str) -> None:
    assert failures(outcomes[name]) == {}


@pytest.mark.timeout(1200)
def test_a_plan_that_never_fires_is_a_failure(outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    ((failure,),) = [outcome.failures for outcome in outcomes["never"]]
    assert "never fired" in failure
