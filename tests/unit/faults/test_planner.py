# SPDX-License-Identifier: Apache-2.0
"""Where faults can strike."""

from tests.faults.planner import Point, by_chance, cancelled_pairs, points
from tests.faults.trace import Notice
from tests.unit.faults.walks import walked


def notice(resource: str, facts: dict[str, str], name: str = "a") -> Notice:
    """What the operator is told about an object."""
    return Notice(resource, name, "MODIFIED", facts)


def test_points_are_the_writes_that_all_runs_made() -> None:
    first = walked(("create jobs a", 201), ("delete jobs a", 200), ("create jobs a", 201))
    second = walked(("create jobs a", 201), ("create jobs a", 201), ("delete jobs b", 200))
    assert points([first, second]) == [Point("create jobs a", 1), Point("create jobs a", 2)]
    assert by_chance([first, second]) == [Point("delete jobs a", 1), Point("delete jobs b", 1)]


def test_a_write_that_repeats_one_after_a_conflict_is_no_point() -> None:
    run = walked(("delete jobs a", 409), ("create jobs b", 201), ("delete jobs a", 200))
    assert points([run, run]) == [Point("delete jobs a", 1), Point("create jobs b", 1)]


def test_a_write_after_a_refusal_that_always_comes_is_a_point() -> None:
    run = walked(("create jobs a", 422), ("create jobs a", 201))
    assert points([run, run]) == [Point("create jobs a", 1), Point("create jobs a", 2)]


def test_a_value_that_a_notification_takes_back_is_a_pair() -> None:
    told = [notice("jobs", {"status.ready": "0"}), notice("jobs", {"status.ready": "1"})]
    assert list(cancelled_pairs(told)) == [("jobs", "a", "status.ready", "0")]


def test_what_a_deployment_counts_is_a_pair_only_where_it_was_asked_for() -> None:
    ready = ("3", "2", "1", "3", "4", "5")
    told = [
        notice("deployments", {"status.readyReplicas": number, "spec.replicas": "3" if turn < 4 else "5"})
        for turn, number in enumerate(ready)
    ]
    assert set(cancelled_pairs(told)) == {
        ("deployments", "a", "status.readyReplicas", "3"),
        ("deployments", "a", "spec.replicas", "3"),
    }


def test_what_a_budget_counts_on_its_way_is_no_pair() -> None:
    told = [
        notice("poddisruptionbudgets", {"status.currentHealthy": "5", "spec.minAvailable": "1"}),
        notice("poddisruptionbudgets", {"status.currentHealthy": "3", "spec.minAvailable": "2"}),
    ]
    assert list(cancelled_pairs(told)) == [("poddisruptionbudgets", "a", "spec.minAvailable", "1")]


def test_what_one_of_several_alike_pods_says_is_no_pair() -> None:
    told = [
        notice("pods", {"status.phase": phase}, name)
        for name in ("digits-*", "digits-*~2", "train-*")
        for phase in ("Pending", "Running")
    ]
    assert list(cancelled_pairs(told)) == [("pods", "train-*", "status.phase", "Pending")]
