"""Whether a value breaches its limits: a floor and a ceiling, and what is usual for the version.

The absolute limits decide alone where they are breached. Where they are kept and `sigmas` is
set, the reference decides; while it is incomplete the answer is `Unknown`.
"""

from dataclasses import dataclass

from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import Limit, MonitorReason, ReferenceStatus
from mlops_operator.controllers.modelmonitor.policies.reference import band


@dataclass(frozen=True)
class LimitVerdict:
    """Whether the limits are breached, with the limits that were in force."""

    breached: Truth
    reason: MonitorReason
    message: str
    lower: float | None = None
    upper: float | None = None


def check_limit(limit: Limit, value: float, reference: ReferenceStatus, *, windows: int) -> LimitVerdict:
    """What `limit` says of `value`.

    Args:
        limit: the limits.
        value: what was measured, over rows enough.
        reference: of the metric, for the version that was measured, without this window.
        windows: how many windows make a reference.
    """
    absolute = _within(value, limit.min, limit.max)
    if limit.sigmas is None or absolute.breached is Truth.TRUE:
        return absolute
    if not reference.complete:
        message = f"the reference has {len(reference.values)} of {windows} windows"
        return LimitVerdict(Truth.UNKNOWN, MonitorReason.REFERENCE_INCOMPLETE, message, limit.min, limit.max)
    usual = band(reference, sigmas=limit.sigmas)
    if usual is None:
        message = f"all windows of the reference have the value {reference.mean:.6g}: set min or max"
        return LimitVerdict(Truth.UNKNOWN, MonitorReason.REFERENCE_DEGENERATE, message, limit.min, limit.max)
    lower = usual.lower if limit.min is None else max(limit.min, usual.lower)
    upper = usual.upper if limit.max is None else min(limit.max, usual.upper)
    return _within(value, lower, upper)


def _within(value: float, lower: float | None, upper: float | None) -> LimitVerdict:
    if lower is not None and value < lower:
        message = f"{value:.6g} is below {lower:.6g}"
        return LimitVerdict(Truth.TRUE, MonitorReason.BELOW_LIMIT, message, lower, upper)
    if upper is not None and value > upper:
        message = f"{value:.6g} is above {upper:.6g}"
        return LimitVerdict(Truth.TRUE, MonitorReason.ABOVE_LIMIT, message, lower, upper)
    return LimitVerdict(Truth.FALSE, MonitorReason.WITHIN_LIMITS, f"{value:.6g} keeps its limits", lower, upper)
