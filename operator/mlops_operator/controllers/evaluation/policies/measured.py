# SPDX-License-Identifier: Apache-2.0
"""The figures of one rule, as its run reported them."""

import math
from dataclasses import dataclass

from mlops_contract import Count, Figure, rule_figure
from mlops_contract.models.result import Result
from mlops_operator.api.evaluation import MetricRule


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One rule with its figures; None where a figure was not reported or is not finite.

    `lower` and `upper` are of candidate minus baseline, in the metric's own sign; `p_more` and `p_less` are
    one-sided p-values for an improvement above and below `change.min`; `p_bound` is that for a candidate
    outside `min` or `max`.
    """

    rule: MetricRule
    n: int | None = None
    rarest: int | None = None
    discordant: int | None = None
    candidate: float | None = None
    baseline: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_more: float | None = None
    p_less: float | None = None
    p_bound: float | None = None


def measured(position: int, rule: MetricRule, result: Result) -> Measured:
    """The figures of the rule at `position` (from 0)."""

    def figure(name: Figure) -> float | None:
        value = result.metrics.get(rule_figure(position, name))
        return value if value is not None and math.isfinite(value) else None

    def count(name: Count) -> int | None:
        return result.counts.get(rule_figure(position, name))

    return Measured(
        rule=rule,
        n=count(Count.ROWS),
        rarest=count(Count.RAREST),
        discordant=count(Count.DISCORDANT),
        candidate=figure(Figure.CANDIDATE),
        baseline=figure(Figure.BASELINE),
        lower=figure(Figure.LOWER),
        upper=figure(Figure.UPPER),
        p_more=figure(Figure.P_MORE),
        p_less=figure(Figure.P_LESS),
        p_bound=figure(Figure.P_BOUND),
    )
