# SPDX-License-Identifier: Apache-2.0
"""How many replicas: the stable version's, a candidate's at each weight, and what share they make."""

from typing import Final

from mlops_operator.api.modelserver import Autoscaling

DEFAULT_REPLICAS: Final = 1

BUDGET_FROM: Final = 2
"""Replicas from which a PodDisruptionBudget makes sense: with one it would block every drain."""


def wanted_replicas(*, replicas: int | None, autoscaling: Autoscaling | None, current: int | None) -> int:
    """Replicas of the stable version.

    An autoscaled Deployment keeps the count it has: the autoscaler writes it, and whoever
    declared another would undo it with every change of something else.

    Args:
        current: what the stable Deployment is scaled to; None where there is none.
    """
    if autoscaling is None:
        return DEFAULT_REPLICAS if replicas is None else replicas
    count = autoscaling.min_replicas if current is None else current
    return min(max(count, autoscaling.min_replicas), autoscaling.max_replicas)


def share_replicas(weight: int, stable: int) -> int:
    """The fewest candidate replicas that make at least `weight` per cent of all, beside `stable` others.

    `c / (c + stable) >= weight / 100`; at least 1.
    """
    return max(1, -(-weight * stable // (100 - weight)))


def achieved_weight(*, candidate: int, stable: int) -> int:
    """The candidate's share of the ready replicas in per cent, rounded down; 0 where there are none."""
    total = candidate + stable
    return 100 * candidate // total if total else 0


def wants_budget(*, replicas: int, autoscaling: Autoscaling | None) -> bool:
    """Whether evictions are to be limited to one server at a time."""
    least = replicas if autoscaling is None else autoscaling.min_replicas
    return least >= BUDGET_FROM
