# SPDX-License-Identifier: Apache-2.0
"""The relative rule: whether the improvement over the baseline is above the wanted change."""

import math
from statistics import NormalDist
from typing import Final

from mlops_operator.api.evaluation import Change, Verdict
from mlops_operator.api.metrics import METRICS, Direction
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.measured import Measured

POWER: Final = 0.8
"""Chance to show the observed improvement, if it is the true one, with the number of rows a message names."""


def check_change(found: Measured, change: Change, *, level: float, falls_short: bool) -> Finding:
    """What the figures show about the improvement.

    Args:
        found: the rule's figures.
        change: what is asked.
        level: what the p-value of an improvement must be below to pass.
        falls_short: whether it is shown, corrected for all rules, that the improvement is below `change.min`.
    """
    if found.p_more is None or found.p_less is None:
        return Finding(Verdict.NO_DATA, "the difference to the baseline was not measured")
    if found.lower is None or found.upper is None:
        return Finding(Verdict.INCONCLUSIVE, "the rows of a single group show no difference: more groups are needed")
    worst, best = improvement(found, found.lower, found.upper)
    interval = f"{change.confidence:g} interval of the improvement [{worst:.6g}, {best:.6g}]"
    if found.p_more < level:
        return Finding(Verdict.PASS, f"{interval} is above {change.min:.6g} (p = {found.p_more:.2g})")
    if falls_short:
        return Finding(Verdict.FAIL, f"{interval} is below {change.min:.6g} (p = {found.p_less:.2g})")
    shown = f"{interval}: more than {change.min:.6g} is not shown, p = {found.p_more:.2g}, needed below {level:.2g}"
    return Finding(Verdict.INCONCLUSIVE, f"{shown}; {_rows_needed(found, change, level)}")


def improvement(found: Measured, lower: float, upper: float) -> tuple[float, float]:
    """Ends of an interval of candidate minus baseline, turned so that positive is better."""
    if METRICS[found.rule.name].direction is Direction.MAXIMIZE:
        return lower, upper
    return -upper, -lower


def missing_rows(*, n: int, margin: float, half_width: float, confidence: float, level: float) -> int:
    """Further rows that show a true improvement of `margin` beyond the wanted change, at `POWER`.

    n = sigma^2 (z_level + z_power)^2 / margin^2 (J. M. Lachin, Controlled Clinical Trials 2, 1981), where
    sigma / sqrt(n) is the standard error that the interval shows. For a proportion sigma^2 is the share of
    discordant rows less the squared difference (R. J. Connor, Biometrics 43, 1987).

    Args:
        n: rows of the interval.
        margin: above 0.
        half_width: half the width of the interval.
        confidence: its level.
        level: one-sided level of the test.
    """
    normal = NormalDist()
    error = half_width / normal.inv_cdf((1.0 + confidence) / 2.0)
    wanted = n * ((normal.inv_cdf(1.0 - level) + normal.inv_cdf(POWER)) * error / margin) ** 2
    return max(1, math.ceil(wanted - n))


def _rows_needed(found: Measured, change: Change, level: float) -> str:
    assert found.lower is not None
    assert found.upper is not None
    if found.candidate is None or found.baseline is None or found.n is None:
        return "more rows are needed"
    observed = improvement(found, found.candidate - found.baseline, found.candidate - found.baseline)[0]
    if observed <= change.min:
        return f"the observed improvement {observed:.6g} is not above {change.min:.6g}: another candidate is needed"
    more = missing_rows(
        n=found.n,
        margin=observed - change.min,
        half_width=(found.upper - found.lower) / 2.0,
        confidence=change.confidence,
        level=level,
    )
    discordant = "" if found.discordant is None else f", at {found.discordant} discordant of {found.n} rows"
    return f"about {more} more rows would show the observed improvement of {observed:.6g}{discordant}"
