# SPDX-License-Identifier: Apache-2.0
"""Whether a value breaches its limits: absolute ones, and a prediction limit that follows from a reference.

The prediction limit is one-sided: a better value is never a breach. It looks at the window alone,
and at the window together with the ones before it: a small loss shows in three windows when it does
not in one. Each of the two gets half of the probability of a false breach. For the second the window
must be low by itself, too, so that a breach ends with the first window that is well again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import FalseAlarms, Limit, MonitorReason, ReferenceStatus
from mlops_operator.controllers.modelmonitor.policies.budget import (
    DEFAULT,
    probability_per_window,
    windows_per_period,
)
from mlops_operator.controllers.modelmonitor.policies.level import Level, level_of

TOGETHER: Final = 3
"""Windows that are looked at together."""

LOW: Final = 0.05
"""A window that is below what a healthy one falls below in 1 of 20 cases is low by itself."""


class Sample(NamedTuple):
    """The value of a metric over n rows."""

    value: float
    n: int


@dataclass(frozen=True)
class LimitVerdict:
    """Whether the limits are breached, with the limits that were in force."""

    breached: Truth
    reason: MonitorReason
    message: str
    lower: float | None = None
    upper: float | None = None
    expected_false_alarms: float | None = None


def check_limit(
    limit: Limit, sample: Sample, before: Sequence[Sample], reference: ReferenceStatus | None, *, size: int
) -> LimitVerdict:
    """What `limit` says of a window.

    Args:
        limit: the limits.
        sample: the window, with enough rows.
        before: the windows of the same version just before it, at most `TOGETHER` - 1.
        reference: what to compare with; None where there is nothing yet.
        size: of a window, in seconds.
    """
    level = level_of(reference.windows) if reference is not None else None
    found = _absolute(limit, sample, level, size)
    if limit.false_alarms is None or found.breached is Truth.TRUE:
        return found
    if level is None or reference is None:
        message = "the first window with enough rows: there is no reference yet to compare it with"
        return LimitVerdict(Truth.UNKNOWN, MonitorReason.REFERENCE_INCOMPLETE, message, limit.min, limit.max)
    probability = false_breach_probability(limit.false_alarms, size=size, of_gate=reference.evaluation is not None)
    source = _source(reference, level)
    return _predicted(limit, limit.false_alarms, sample, before, level, probability=probability, source=source)


def false_breach_probability(budget: FalseAlarms, *, size: int, of_gate: bool) -> float:
    """Probability of a false breach in one window, by a reference of windows or by the figure of a gate.

    A gate is passed rather with a lucky sample. If a version as good as its gate's minimum passes in one case of two,
    false breaches after a passed gate are at most twice as frequent as after any: so a gate's figure has half the
    probability.
    """
    return probability_per_window(budget, size=size) / (2 if of_gate else 1)


def lower_limit(level: Level, sample: Sample, before: Sequence[Sample], probability: float) -> float:
    """The value below which a window of this size breaches, given the ones before it."""
    alone = level.lower_limit(sample.n, probability / 2)
    if not before:
        return level.lower_limit(sample.n, probability)
    rows = sample.n + sum(entry.n for entry in before)
    together = level.lower_limit(rows, probability / 2) * rows - sum(entry.value * entry.n for entry in before)
    return max(alone, min(together / sample.n, level.lower_limit(sample.n, LOW)))


def _predicted(
    limit: Limit,
    budget: FalseAlarms,
    sample: Sample,
    before: Sequence[Sample],
    level: Level,
    *,
    probability: float,
    source: str,
) -> LimitVerdict:
    predicted = lower_limit(level, sample, before, probability)
    lower = predicted if limit.min is None else max(limit.min, predicted)
    found = _within(sample.value, lower, limit.max)
    chance = f"with {len(before)} windows before, false-alarm probability {budget.probability:.3g} per {budget.per}"
    message = f"{found.message} for {sample.n} rows ({source}; {chance})"
    if found.breached is Truth.FALSE:
        message += _sensitivity(level, sample.n, lower)
    return LimitVerdict(found.breached, found.reason, message, lower, limit.max, budget.probability)


def _sensitivity(level: Level, n: int, lower: float) -> str:
    """Which loss such a window finds, so that a user can see whether it has rows enough for the one that matters."""
    loss = level.found_loss(n, lower)
    if loss is None:
        return "; it has too few rows to find any loss"
    return f"; 4 of 5 such windows find a loss to {loss:.3g}"


def _source(reference: ReferenceStatus, level: Level) -> str:
    """Where the limit comes from."""
    if reference.evaluation is not None:
        rows = reference.windows[0].n
        return f"{level.share:.6g} over {rows} rows in the gate of {reference.version}, {reference.evaluation}"
    return f"{level.used} of {level.windows} windows of {reference.version}, level {level.share:.6g}"


def _absolute(limit: Limit, sample: Sample, level: Level | None, size: int) -> LimitVerdict:
    found = _within(sample.value, limit.min, limit.max)
    if limit.min is None or level is None:
        return found
    budget = limit.false_alarms or DEFAULT
    expected = level.probability_below(sample.n, limit.min) * windows_per_period(budget, size=size)
    message = f"{found.message}; a model of {level.share:.6g} falls below {limit.min:.6g} by chance in {expected:.2g} "
    message += f"windows of {sample.n} rows per {budget.per}"
    return LimitVerdict(found.breached, found.reason, message, found.lower, found.upper, expected)


def _within(value: float, lower: float | None, upper: float | None) -> LimitVerdict:
    if lower is not None and value < lower - ROUNDING:
        message = f"{value:.6g} is below the limit of {lower:.6g}"
        return LimitVerdict(Truth.TRUE, MonitorReason.BELOW_LIMIT, message, lower, upper)
    if upper is not None and value > upper + ROUNDING:
        message = f"{value:.6g} is above the limit of {upper:.6g}"
        return LimitVerdict(Truth.TRUE, MonitorReason.ABOVE_LIMIT, message, lower, upper)
    return LimitVerdict(Truth.FALSE, MonitorReason.WITHIN_LIMITS, f"{value:.6g} is within its limits", lower, upper)


ROUNDING: Final = 1e-12
"""Differences below this come from floating-point arithmetic."""
