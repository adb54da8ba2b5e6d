# SPDX-License-Identifier: Apache-2.0
"""Every state of a small world of each kind, and the way to rest from each of them."""

from collections.abc import Callable

import pytest

from mlops_operator.kube.resources import MODELS
from tests.unit.modelcheck import catalog
from tests.unit.modelcheck.apiserver import ApiServer
from tests.unit.modelcheck.catalog import DEPTH, FAULT_AND_PERSON, MOST, Outing, outings
from tests.unit.modelcheck.moves import FAULT, PEOPLE, Move
from tests.unit.modelcheck.scenarios.modeldeployment import Serving
from tests.unit.modelcheck.walk import walk


@pytest.mark.parametrize("outing", outings(), ids=str)
def test_every_state_keeps_the_promises_and_comes_to_rest(
    outing: Outing, record_property: Callable[[str, object], None]
) -> None:
    report = walk(outing.scenario, outing.budget, depth=DEPTH, most=MOST)
    record_property("modelcheck", str(report))
    print(report)
    assert report.complete, f"{report}: some of what the budget allows was not seen"
    assert report.states >= outing.least, f"{report}: the world has shrunk"


class Unmoved(Serving):
    """Its alias moves within the walk: only so may a process be shown where it pointed before."""

    def open(self, server: ApiServer) -> None:
        """Nothing has happened yet."""


def test_a_restart_on_an_old_alias_does_not_forget_what_was_stopped() -> None:
    def wanted(move: Move) -> bool:
        return (
            move.actor not in (FAULT, PEOPLE)
            or move.name in ("the alias moves to digits-2", f"{MODELS} are remembered")
            or move.name.endswith("shown as they were")
        )

    world = Unmoved("modeldeployment, bad second", second="load-failed")
    report = walk(world, FAULT_AND_PERSON, depth=DEPTH, most=MOST, only=wanted)
    assert report.complete
    assert report.states > 100


def test_a_restart_on_an_old_status_in_a_checked_rollout_takes_no_server_away() -> None:
    walk(Serving("modeldeployment, checked", golden=True), catalog.FAULT, depth=DEPTH, most=MOST)
