"""Every state of a small world of each kind, and the way to rest from each of them."""

from collections.abc import Callable

import pytest

from tests.unit.modelcheck.catalog import DEPTH, FAULT, MOST, Outing, outings
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


def test_a_restart_on_an_old_status_in_a_checked_rollout_takes_no_server_away() -> None:
    walk(Serving("modeldeployment, checked", golden=True), FAULT, depth=DEPTH, most=MOST)
