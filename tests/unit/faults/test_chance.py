# SPDX-License-Identifier: Apache-2.0
"""Whether a fault that never fired is to blame, or its write comes by chance."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.faults.campaign import come_by_chance
from tests.faults.plan import Crash, Fault, Hold, Plan, Repeat, Stale
from tests.faults.report import document
from tests.faults.run import Outcome
from tests.faults.trace import Notice
from tests.unit.faults.walks import walked

CRASH = Crash(write="create jobs b", position="at")


def walk(*keys: str) -> Outcome:
    """A run that made these writes."""
    return walked(*((key, 200) for key in keys))


def judged(idle: Fault, references: list[Outcome], later: Sequence[Outcome]) -> tuple[bool, int]:
    """The verdict, and how often the path was walked again."""
    left = list(later)

    async def again() -> Outcome:
        return left.pop(0)

    verdict = asyncio.run(come_by_chance([idle], references, again, at_most=3))
    return verdict, len(later) - len(left)


BOTH, ONE = walk("create jobs a", "create jobs b"), walk("create jobs a")


def test_a_walk_without_the_write_shows_that_it_comes_by_chance() -> None:
    references = [BOTH, BOTH]
    assert judged(CRASH, references, [BOTH, ONE, BOTH]) == (True, 2)
    assert references == [BOTH, BOTH, BOTH, ONE]


def test_a_write_that_every_walk_makes_leaves_the_fault_to_blame() -> None:
    assert judged(CRASH, [BOTH, BOTH], [BOTH] * 5) == (False, 3)


def test_what_another_plan_found_out_is_not_walked_again() -> None:
    assert judged(CRASH, [BOTH, ONE], []) == (True, 0)


@pytest.mark.parametrize("idle", [Crash(write="create jobs zzz", position="at"), Repeat()])
def test_a_write_that_no_walk_makes_is_no_excuse(idle: Fault) -> None:
    assert judged(idle, [BOTH, BOTH], []) == (False, 0)


def test_the_past_that_is_shown_may_come_by_chance_as_well() -> None:
    assert judged(Stale(write="create jobs a", snapshot="create jobs b"), [BOTH], [ONE]) == (True, 1)


def test_a_walk_that_fails_is_no_excuse() -> None:
    failed = walk("create jobs a")
    failed.failures = ["did not come to its end"]
    references = [BOTH]
    assert judged(CRASH, references, [failed]) == (False, 1)
    assert references == [BOTH]


def test_a_plan_that_did_not_strike_by_chance_is_counted_nowhere() -> None:
    plan = Plan(name="p: crash", path="p", faults=(CRASH,))
    struck, missed = Outcome(plan), Outcome(plan.model_copy(update={"name": "missed"}), idle=[CRASH])
    blamed = Outcome(plan, idle=[CRASH], failures=["never fired"])
    report = document([struck, missed, blamed], {}, {}, {})
    assert (report["plans"], report["green"], report["unstruck"]) == (2, 1, ["missed"])


HOLD = Hold(resource="trainingjobs", name="job", path="status.finishedRanks.attempt", value="0")


def told(*values: str) -> Outcome:
    """A run in which the path of `HOLD` had these values, one after the other."""
    facts = [{HOLD.path: value} for value in values]
    walk = walked()
    walk.notices = [Notice(HOLD.resource, HOLD.name, "MODIFIED", fact) for fact in (*facts, {})]
    return walk


@pytest.mark.parametrize(
    ("references", "later", "verdict"),
    [
        ([told("0"), told("0")], [told("0"), told("1")], (True, 2)),
        ([told("0"), told("1")], [], (True, 0)),
        ([told("0"), told("0")], [told("0")] * 5, (False, 3)),
        ([told("1"), told("1")], [], (False, 0)),
    ],
    ids=["not in a later walk", "not in a reference", "in every walk", "in none"],
)
def test_news_may_come_by_chance_as_well(
    references: list[Outcome], later: Sequence[Outcome], verdict: tuple[bool, int]
) -> None:
    assert judged(HOLD, references, later) == verdict
