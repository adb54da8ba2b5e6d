"""How often a monitor's limits raise a false alarm, and how often they miss a loss, beside usual rules.

Every figure of ours comes from the functions that the operator judges a window with; scipy gives the
chance of the windows. A month is 720 hours. A figure "2 of 3" is that of a policy that trains after
two breached windows of the last three.
"""

from collections.abc import Sequence
from math import log1p
from typing import Final

import numpy as np
from scipy import stats

from mlops_operator.api.modelmonitor import FalseAlarms, ReferenceWindow
from mlops_operator.controllers.modelmonitor.policies.budget import probability_per_window, windows_per_period
from mlops_operator.controllers.modelmonitor.policies.level import Level
from mlops_operator.controllers.modelmonitor.policies.limit import TOGETHER, Sample, lower_limit

BUDGET: Final = FalseAlarms()
SIZES: Final = {"5m": 300, "1h": 3600, "24h": 86400}
WINDOWS: Final = 10
"""Windows of a reference, and windows within which a loss is to be found."""


def reference_windows(values: Sequence[float], n: int, generator: np.random.Generator) -> list[ReferenceWindow]:
    """Windows of n rows of a model whose true accuracies are `values`."""
    return [
        ReferenceWindow(start="2026-01-01T00:00:00Z", value=right / n, n=n, effective=n)
        for right in generator.binomial(n, values)
    ]


def false_alarm_probability(level: Level, n: int, accuracy: float, size: int) -> float:
    """Probability that a window of n rows breaches, after windows of the same n and accuracy.

    Exact: the right rows of the windows before are summed up over their binomial distribution.
    """
    probability = probability_per_window(BUDGET, size=size)
    right = np.arange(n + 1)
    before = np.arange((TOGETHER - 1) * n + 1)
    chance = stats.binom.pmf(right, n, accuracy)
    chance_before = stats.binom.pmf(before, (TOGETHER - 1) * n, accuracy)
    total = 0.0
    for count in before[chance_before > 1e-12]:
        earlier = [Sample(count / before[-1], n)] * (TOGETHER - 1)
        limit = round(lower_limit(level, Sample(0.0, n), earlier, probability) * n, 6)
        total += chance_before[count] * chance[right < limit].sum()
    return float(total)


def false_alarm_share(level: Level, n: int, accuracy: float, size: int) -> float:
    """Share of months with a breached window, for a model of this accuracy."""
    chance = false_alarm_probability(level, n, accuracy, size)
    return float(-np.expm1(log1p(-chance) * windows_per_period(BUDGET, size=size)))


def missed_share(
    level: Level, n: int, size: int, generator: np.random.Generator, *, before: float, after: float, repeats: int
) -> tuple[float, float]:
    """Share of losses from accuracy `before` to `after` of which ten windows show nothing: none breached, and never two
    of three."""
    probability = probability_per_window(BUDGET, size=size)
    single = two_of_three = 0
    for _ in range(repeats):
        accuracies = [before] * (TOGETHER - 1) + [after] * WINDOWS
        samples = [Sample(right / n, n) for right in generator.binomial(n, accuracies)]
        breached = [
            samples[i].value < lower_limit(level, samples[i], samples[i - TOGETHER + 1 : i], probability) - 1e-12
            for i in range(TOGETHER - 1, len(samples))
        ]
        single += not any(breached)
        two_of_three += not _two_of_three(breached)
    return single / repeats, two_of_three / repeats


def _two_of_three(breached: Sequence[bool]) -> bool:
    return any(sum(breached[max(0, i - 2) : i + 1]) >= 2 for i in range(len(breached)))
