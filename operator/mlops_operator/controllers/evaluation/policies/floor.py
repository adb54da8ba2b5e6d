# SPDX-License-Identifier: Apache-2.0
"""The absolute rule: the candidate's own value between a minimum and a maximum.

A value within them passes. A value outside is a failure only where chance does not explain it: with a true
value just inside, the value of a few rows is outside half of the time.
"""

from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.finding import Finding


def asks_absolute(rule: MetricRule) -> bool:
    """Whether the rule can decide without a baseline."""
    return rule.min is not None or rule.max is not None


def check_floor(rule: MetricRule, value: float, *, p: float | None, shown: bool) -> Finding | None:
    """What the candidate's value shows; None where neither minimum nor maximum is asked.

    Args:
        rule: what is asked.
        value: the candidate's value.
        p: one-sided p-value for a true value outside, None where it was not measured.
        shown: whether that is significant, corrected for all rules.
    """
    if not asks_absolute(rule):
        return None
    outside = None
    if rule.min is not None and value < rule.min:
        outside = f"{value:.6g} is below the minimum of {rule.min:.6g}"
    elif rule.max is not None and value > rule.max:
        outside = f"{value:.6g} is above the maximum of {rule.max:.6g}"
    if outside is not None:
        chance = "" if p is None else f" (p = {p:.2g})"
        if shown:
            return Finding(Verdict.FAIL, f"{outside}{chance}")
        return Finding(Verdict.INCONCLUSIVE, f"{outside}, which chance may explain{chance}: more rows are needed")
    bounds = [f"minimum of {rule.min:.6g}"] if rule.min is not None else []
    bounds += [f"maximum of {rule.max:.6g}"] if rule.max is not None else []
    return Finding(Verdict.PASS, f"{value:.6g} meets the {' and the '.join(bounds)}")
