# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.retrainpolicy import MAX_DECISIONS
from mlops_operator.kube.resources import RETRAIN_POLICIES
from tests.faults.invariants.decisions import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story


def started(identity: str, **more: Any) -> Manifest:
    fixed = {"trigger": "nightly", "time": "2026-01-01T00:00:00Z", "outcome": "Started", "reason": "ScheduleDue"}
    return {"id": identity, **fixed, "trainingJob": f"job-{identity}", **more}


def skipped(identity: str, **more: Any) -> Manifest:
    return {**started(identity), "outcome": "Skipped", "reason": "InFlight", **more}


def told(
    before: list[Manifest], after: list[Manifest], *, since: tuple[str | None, str | None] = (None, None)
) -> list[str]:
    story = Story()
    for decisions, last in ((before, since[0]), (after, since[1])):
        status = {"decisions": decisions, **({"lastStarted": last} if last else {})}
        story.put(RETRAIN_POLICIES, make(RETRAIN_POLICIES, "policy", spec={}, status=status))
    return list(check(story.history))


def test_a_history_that_grows() -> None:
    assert told([], [started("a")]) == []
    assert told([started("a")], [started("a", result="Promoted", modelVersion="v"), skipped("b")]) == []


def test_a_skip_that_is_counted() -> None:
    assert told([started("a"), skipped("b")], [started("a"), skipped("c", count=2)]) == []


@pytest.mark.parametrize("first", [skipped("0"), started("0", result="Trained")])
def test_a_full_list_loses_what_is_over(first: Manifest) -> None:
    rest = [started(str(number), result="Trained") for number in range(1, MAX_DECISIONS)]
    assert told([first, *rest], [*rest, started("new")]) == []


def test_a_full_list_keeps_what_is_under_way() -> None:
    rest = [started(str(number), result="Trained") for number in range(1, MAX_DECISIONS)]
    (violation,) = told([started("0"), *rest], [*rest, started("new")])
    assert "the decision 0 (Started, nightly) is gone" in violation


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([started("a")], [], "the decision a (Started, nightly) is gone"),
        ([started("a", result="Trained")], [], "the decision a (Started, nightly) is gone"),
        ([skipped("a")], [skipped("b", trigger="other", count=2)], "the decision a (Skipped, nightly) is gone"),
        ([skipped("a", count=2)], [skipped("b", count=2)], "the decision a (Skipped, nightly) is gone"),
        ([started("a")], [started("a", trigger="other")], "trigger of the decision a was 'nightly', is 'other'"),
        ([started("a")], [started("a", trainingJob="x")], "trainingJob of the decision a was 'job-a', is 'x'"),
        ([started("a", result="Trained")], [started("a")], "result of the decision a was 'Trained', is None"),
        ([started("a"), skipped("b")], [skipped("b"), started("a")], "decisions have changed their order"),
        ([started("a")], [skipped("b"), started("a")], "decisions were added before older ones"),
    ],
)
def test_a_history_that_changes(before: list[Manifest], after: list[Manifest], what: str) -> None:
    (violation,) = told(before, after)
    assert what in violation


def test_the_last_start_goes_back() -> None:
    (violation,) = told([], [], since=("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"))
    assert "lastStarted went back" in violation
    assert told([], [], since=(None, "2026-01-01T00:00:00Z")) == []
