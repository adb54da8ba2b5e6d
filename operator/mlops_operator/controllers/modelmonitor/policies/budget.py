# SPDX-License-Identifier: Apache-2.0
"""How small the probability of a false breach in one window has to be for a budget per period."""

from math import expm1, log1p
from typing import Final

from mlops_operator.api.modelmonitor import FalseAlarms
from mlops_operator.api.schema import seconds

DEFAULT: Final = FalseAlarms()
"""The budget that expected false alarms are stated for where a limit has none."""


def windows_per_period(budget: FalseAlarms, *, size: int) -> float:
    """Windows of `size` seconds within the period of the budget; at least one."""
    return max(1.0, seconds(budget.per) / size)


def probability_per_window(budget: FalseAlarms, *, size: int) -> float:
    """Probability of a false breach in one window such that m independent ones hold the budget: 1 - (1 - q)^(1/m).

    Windows that share a reference are not independent; their false breaches cluster, which makes a period with at
    least one less likely, not more.
    """
    return -expm1(log1p(-budget.probability) / windows_per_period(budget, size=size))
