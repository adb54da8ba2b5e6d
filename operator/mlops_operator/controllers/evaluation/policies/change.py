"""The relative rule: the paired difference to the baseline, by its confidence interval.

The interval is turned so that positive is better, whichever way the metric points. The
candidate passes if the whole interval is at or above the wanted change, fails if the whole
interval is below it, and otherwise the rows cannot tell.
"""

from mlops_operator.api.evaluation import Change, Direction, Verdict
from mlops_operator.controllers.evaluation.policies.finding import Finding


def check_change(change: Change, direction: Direction, *, lower: float | None, upper: float | None) -> Finding:
    """What the interval of (candidate - baseline) shows.

    Args:
        change: what is asked, counted so that positive is better.
        direction: which way the metric is better.
        lower: lower end of the interval in the metric's own sign, None where it was not measured.
        upper: its upper end.
    """
    if lower is None or upper is None:
        return Finding(Verdict.NO_DATA, "the difference to the baseline was not measured")
    worst, best = (lower, upper) if direction is Direction.MAXIMIZE else (-upper, -lower)
    interval = f"{change.confidence:g} interval of the improvement [{worst:.6g}, {best:.6g}]"
    if worst >= change.min:
        return Finding(Verdict.PASS, f"{interval} is not below {change.min:.6g}")
    if best < change.min:
        return Finding(Verdict.FAIL, f"{interval} is below {change.min:.6g}")
    return Finding(Verdict.INCONCLUSIVE, f"{interval} holds {change.min:.6g}: more rows are needed")
