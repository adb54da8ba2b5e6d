# SPDX-License-Identifier: Apache-2.0
"""From one run's figures to a window's verdicts, and from these to the one that the condition shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import MAX_MESSAGE, Truth
from mlops_operator.api.modelmonitor import (
    LABELED_SHARE,
    MetricVerdict,
    MonitoredMetric,
    MonitorReason,
    ReferenceStatus,
)
from mlops_operator.controllers.modelmonitor.policies.limit import Sample, check_limit
from mlops_operator.controllers.modelmonitor.policies.sample import LABELED, ROWS, check_sample, sample_size


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a window is judged by, besides its own figures.

    Attributes:
        reference: of the metric, without this window; None where there is nothing to compare with.
        before: the windows of the same version just before it.
        size: of a window, in seconds.
        min_labeled_share: share of the answered rows that must have a label.
    """

    reference: ReferenceStatus | None = None
    before: Sequence[Sample] = ()
    size: int
    min_labeled_share: float


def judge(metric: MonitoredMetric, result: Result, standing: Standing) -> MetricVerdict:
    """The verdict on one metric of a window that was measured, from what its run reported."""
    n = sample_size(metric.name, result.counts)
    value = value_of(metric, result)
    short = check_sample(metric, result.counts, min_labeled_share=standing.min_labeled_share, size=standing.size)
    if short is None and value is None:
        short = MonitorReason.NO_DATA, f"{metric.name} was not measured"
    if short is not None or value is None:
        reason, message = short or (MonitorReason.NO_DATA, "")
        skipped = f"; not used: {'; '.join(result.notes)}" if result.notes else ""
        return unknown(metric.name, reason, message + skipped, value=value, n=n)
    found = check_limit(metric.limit, Sample(value, n), standing.before, standing.reference, size=standing.size)
    return MetricVerdict(
        name=metric.name,
        breached=found.breached,
        value=value,
        lower=found.lower,
        upper=found.upper,
        n=n,
        expected_false_alarms=found.expected_false_alarms,
        reason=found.reason,
        message=found.message[:MAX_MESSAGE],
    )


def value_of(metric: MonitoredMetric, result: Result) -> float | None:
    """The measured value; None where there is no finite one."""
    if metric.name == LABELED_SHARE:
        rows = result.counts.get(ROWS, 0)
        return result.counts.get(LABELED, 0) / rows if rows else None
    value = result.metrics.get(metric.name)
    return value if value is not None and math.isfinite(value) else None


def unknown(name: str, reason: MonitorReason, message: str, *, value: float | None = None, n: int = 0) -> MetricVerdict:
    """A verdict without sufficient evidence."""
    return MetricVerdict(
        name=name, breached=Truth.UNKNOWN, value=value, n=n, reason=reason, message=message[:MAX_MESSAGE]
    )


@dataclass(frozen=True)
class Overall:
    """What a window says, as the condition `Breached` shows it."""

    breached: Truth
    reason: str
    message: str


def overall(verdicts: Sequence[MetricVerdict]) -> Overall:
    """One breach is a breach; else what is not known is not known; else all is well."""
    for truth in (Truth.TRUE, Truth.UNKNOWN, Truth.FALSE):
        telling = [verdict for verdict in verdicts if verdict.breached is truth]
        if telling:
            message = "; ".join(f"{verdict.name}: {verdict.message} (n {verdict.n})" for verdict in telling)
            return Overall(truth, telling[0].reason, message)
    return Overall(Truth.UNKNOWN, MonitorReason.NO_DATA, "no metric was measured")
