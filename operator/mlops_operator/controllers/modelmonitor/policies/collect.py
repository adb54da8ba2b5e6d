# SPDX-License-Identifier: Apache-2.0
"""Which windows become part of a reference, and when it takes the place of the former one."""

from typing import Final

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import (
    LABELED_SHARE,
    Limit,
    MetricVerdict,
    MonitorReason,
    Reference,
    ReferenceWindow,
    WindowStatus,
)
from mlops_operator.controllers.modelmonitor.policies.budget import DEFAULT
from mlops_operator.controllers.modelmonitor.policies.level import level_of
from mlops_operator.controllers.modelmonitor.policies.reference import References, admits, closed, extended

STANDARD_ERROR: Final = "{}.se"
"""Name under which the workload reports the standard error of a metric."""

SHARES: Final = ("accuracy", LABELED_SHARE)
"""Metrics that are a share of the rows, so that the number of rows says all about their chance."""


def collect(
    references: References, verdict: MetricVerdict, part: ReferenceWindow, limit: Limit, spec: Reference
) -> References:
    """The references after a window was judged.

    Without a reference in force, a window counts if it keeps the absolute limits: the first windows are not a breach of
    themselves. With a former version's reference in force, it must not breach that one, either, and the whole must not
    be worse than that one: a bad version does not become what it is compared with.

    Args:
        references: before this window.
        verdict: on the window, which had enough rows.
        part: the window as a part of a reference.
        limit: of the metric.
        spec: how many windows make a reference, and which.
    """
    own = references.collecting
    if own is None or not admits(own, part.start, spec) or not _is_usual(references, verdict, limit):
        return references
    own = extended(own, part)
    if len(own.windows) < spec.windows:
        return References(references.in_force, own)
    if references.in_force is not None:
        level, former = level_of(own.windows), level_of(references.in_force.windows)
        budget = limit.false_alarms or DEFAULT
        if level.share < former.lower_limit(max(1, round(level.rows / former.design)), budget.probability):
            return References(references.in_force, own.replace(windows=()))
    return References(closed(own), None)


def part_of_reference(verdict: MetricVerdict, window: WindowStatus, result: Result) -> ReferenceWindow | None:
    """The window as a part of a reference; None where it had too few rows."""
    known = verdict.breached is not Truth.UNKNOWN or verdict.reason == MonitorReason.REFERENCE_INCOMPLETE
    if verdict.value is None or not verdict.n or not known:
        return None
    effective = _effective(verdict, result, verdict.value)
    return ReferenceWindow(start=window.start, value=verdict.value, n=verdict.n, effective=effective)


def _is_usual(references: References, verdict: MetricVerdict, limit: Limit) -> bool:
    if references.in_force is not None:
        return verdict.breached is Truth.FALSE
    value = verdict.value
    return value is not None and (limit.min is None or value >= limit.min) and (limit.max is None or value <= limit.max)


def _effective(verdict: MetricVerdict, result: Result, value: float) -> float:
    """Effective sample size v (1 - v) / se^2, with half a row on either side; at most all rows."""
    error = result.metrics.get(STANDARD_ERROR.format(verdict.name))
    if verdict.name in SHARES or error is None or not error > 0:
        return float(verdict.n)
    smooth = (value * verdict.n + 0.5) / (verdict.n + 1)
    return min(float(verdict.n), max(1.0, smooth * (1 - smooth) / error**2))
