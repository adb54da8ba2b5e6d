"""The absolute rule: the candidate's own value between a floor and a ceiling."""

from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.finding import Finding


def asks_absolute(rule: MetricRule) -> bool:
    """Whether the rule can decide without a baseline."""
    return rule.min is not None or rule.max is not None


def check_floor(rule: MetricRule, value: float) -> Finding | None:
    """What the candidate's value shows; None where neither floor nor ceiling is asked."""
    if rule.min is not None and value < rule.min:
        return Finding(Verdict.FAIL, f"{value:.6g} is below the floor {rule.min:.6g}")
    if rule.max is not None and value > rule.max:
        return Finding(Verdict.FAIL, f"{value:.6g} is above the ceiling {rule.max:.6g}")
    if not asks_absolute(rule):
        return None
    bounds = [f"floor {rule.min:.6g}"] if rule.min is not None else []
    bounds += [f"ceiling {rule.max:.6g}"] if rule.max is not None else []
    return Finding(Verdict.PASS, f"{value:.6g} keeps the {' and the '.join(bounds)}")
