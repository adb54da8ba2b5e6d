# SPDX-License-Identifier: Apache-2.0
"""How many replicas, and what share they make."""

import pytest

from mlops_operator.api.modeldeployment import MAX_WEIGHT
from mlops_operator.api.modelserver import Autoscaling
from mlops_operator.controllers.modeldeployment.policies.replicas import (
    achieved_weight,
    share_replicas,
    wanted_replicas,
    wants_budget,
)

SCALED = Autoscaling(min_replicas=2, max_replicas=5)


@pytest.mark.parametrize("stable", range(1, 60))
@pytest.mark.parametrize("weight", [1, 10, 25, 33, 49, MAX_WEIGHT])
def test_a_share_is_the_fewest_replicas_that_reach_the_weight(weight: int, stable: int) -> None:
    count = share_replicas(weight, stable)
    assert 100 * count >= weight * (count + stable)
    assert count == 1 or 100 * (count - 1) < weight * (count - 1 + stable)
    assert count <= stable


@pytest.mark.parametrize(("candidate", "stable", "weight"), [(1, 3, 25), (1, 2, 33), (0, 3, 0), (0, 0, 0), (2, 0, 100)])
def test_the_achieved_weight_is_that_of_the_ready_replicas(candidate: int, stable: int, weight: int) -> None:
    assert achieved_weight(candidate=candidate, stable=stable) == weight


def test_one_replica_by_default() -> None:
    assert wanted_replicas(replicas=None, autoscaling=None, current=7) == 1


def test_declared_replicas_win_over_what_is_there() -> None:
    assert wanted_replicas(replicas=0, autoscaling=None, current=7) == 0


@pytest.mark.parametrize(("current", "wanted"), [(None, 2), (0, 2), (1, 2), (3, 3), (5, 5), (9, 5)])
def test_an_autoscaled_count_stays_within_its_bounds(current: int | None, wanted: int) -> None:
    assert wanted_replicas(replicas=None, autoscaling=SCALED, current=current) == wanted


@pytest.mark.parametrize(("replicas", "autoscaling", "wants"), [(1, None, False), (2, None, True), (0, None, False)])
def test_a_budget_is_wanted_from_two_replicas(replicas: int, autoscaling: Autoscaling | None, wants: bool) -> None:
    assert wants_budget(replicas=replicas, autoscaling=autoscaling) is wants


def test_a_budget_goes_by_the_least_that_an_autoscaler_may_leave() -> None:
    assert wants_budget(replicas=4, autoscaling=Autoscaling(min_replicas=1, max_replicas=5)) is False
    assert wants_budget(replicas=4, autoscaling=SCALED) is True
