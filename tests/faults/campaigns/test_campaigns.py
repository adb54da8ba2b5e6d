# SPDX-License-Identifier: Apache-2.0
"""Spec campaigns: a short one of each kind by default, complete ones by `make faults`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from localcluster import Cluster
from tests.faults.campaigns import report
from tests.faults.campaigns.edits import Expect
from tests.faults.campaigns.grounds import GROUNDS, Ground
from tests.faults.campaigns.plan import TRANSITIONS, campaign, dump, find, load
from tests.faults.campaigns.report import Results
from tests.faults.campaigns.run import Stage, run, stage
from tests.harness.clusters import own_cluster

SEED = 1
OUTPUT = Path("faults-output")

REGRESSIONS = Path(__file__).parent / "regressions"

SHORT = 4
"""Transitions of a kind in the default run: one segment, from base to base."""

by_kind = pytest.mark.parametrize("kind", GROUNDS)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of its own: here an operator looks after all namespaces."""
    with own_cluster("campaigns") as cluster:
        yield cluster


@by_kind
def test_a_complete_campaign_is_long_enough_and_drawn_the_same_again(kind: str) -> None:
    segments = campaign(GROUNDS[kind], seed=SEED)
    steps = [step for segment in segments for step in segment]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= TRANSITIONS
    assert campaign(GROUNDS[kind], seed=SEED) == segments
    assert campaign(GROUNDS[kind], seed=SEED + 1) != segments
    meant = len(GROUNDS[kind].cases["nonsense"])
    drawn = {step.edit.why for step in steps}
    assert {case["why"] for case in GROUNDS[kind].cases["nonsense"]} <= drawn, f"all {meant} cases of nonsense"
    assert sum(step.edit.expect is Expect.REFUSED for step in steps) >= 40
    assert all(segment[-1].back for segment in segments)


def test_a_plan_file_holds_all_that_is_walked(tmp_path: Path) -> None:
    for kind, ground in GROUNDS.items():
        segment = find(campaign(ground, seed=SEED), 7)
        file = tmp_path / f"{kind}.yaml"
        file.write_text(dump(kind, segment))
        assert load(file) == (ground, segment)
        assert yaml.safe_load(file.read_text())["kind"] == kind


@pytest.mark.timeout(300)
async def test_short_campaigns_of_all_kinds_side_by_side(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    async with stage(cluster) as shared:
        found = await asyncio.gather(*(_short(shared, ground) for ground in GROUNDS.values()))
    with capsys.disabled():
        print("", *(results.line() for results in found), sep="\n")
    assert {results.kind: results.failures for results in found if results.failures} == {}
    assert all(results.transitions >= SHORT for results in found)


async def _short(shared: Stage, ground: Ground) -> Results:
    segments = campaign(ground, seed=SEED, transitions=SHORT)
    return await run(shared, ground, segments, seed=SEED, output=OUTPUT, beside=True)


@pytest.mark.parametrize("file", sorted(REGRESSIONS.glob("*.yaml")), ids=lambda file: file.stem)
async def test_what_a_campaign_found_stays_mended(cluster: Cluster, file: Path) -> None:
    ground, segment = load(file)
    async with stage(cluster) as shared:
        results = await run(shared, ground, [segment], seed=SEED, output=OUTPUT)
    assert results.failures == []
    assert results.transitions == len(segment)


@by_kind
@pytest.mark.deep
@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_complete_campaign(cluster: Cluster, kind: str) -> None:
    segments = campaign(GROUNDS[kind], seed=SEED)
    async with stage(cluster) as shared:
        results = await run(shared, GROUNDS[kind], segments, seed=SEED, output=OUTPUT)
    report.write([results], OUTPUT)
    print(results.line())
    assert results.failures == []
    assert results.transitions >= TRANSITIONS
