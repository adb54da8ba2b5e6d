# SPDX-License-Identifier: Apache-2.0
"""Whether a window has enough labeled rows for a verdict."""

from collections.abc import Mapping
from math import ceil

from mlops_operator.api.modelmonitor import LABELED_SHARE, MonitoredMetric, MonitorReason
from mlops_operator.api.schema import duration_of

ROWS = "rows"
LABELED = "labeled"
"""Names under which the workload counts answered rows, and those of them whose label is known and comparable."""

RAREST = "{}.rarest"
"""Name under which it counts the labeled rows of the rarest class, for a metric that weighs all classes alike."""


def sample_size(metric: str, counts: Mapping[str, int]) -> int:
    """Rows that a metric is over."""
    return counts.get(ROWS if metric == LABELED_SHARE else LABELED, 0)


def check_sample(
    metric: MonitoredMetric, counts: Mapping[str, int], *, min_labeled_share: float, size: int
) -> tuple[MonitorReason, str] | None:
    """Why the rows do not suffice for `metric`, and how many are missing; None where they do.

    Args:
        metric: which rows it needs.
        counts: those of the window.
        min_labeled_share: share of the answered rows that must have a label.
        size: of the window, in seconds.
    """
    rows, labeled, least = counts.get(ROWS, 0), counts.get(LABELED, 0), metric.min_samples
    if rows == 0:
        return MonitorReason.NO_DATA, "no rows"
    if metric.name == LABELED_SHARE:
        return _too_few(rows, least, f"{rows} rows", size) if rows < least else None
    if labeled < min_labeled_share * rows:
        missing = ceil(min_labeled_share * rows) - labeled
        message = (
            f"{labeled} of {rows} rows have labels ({labeled / rows:.3g}), at least a share of {min_labeled_share:.6g} "
            f"is needed (spec.labels.minShare), {missing} more: the rows that get labels may not be typical"
        )
        return MonitorReason.TOO_FEW_LABELS, message
    if labeled < least:
        return _too_few(labeled, least, f"{labeled} of {rows} rows have labels", size)
    rarest = counts.get(RAREST.format(metric.name))
    if rarest is not None and rarest < least:
        return _too_few(rarest, least, f"{rarest} of {labeled} labeled rows are of the rarest class", size)
    return None


def _too_few(found: int, least: int, what: str, size: int) -> tuple[MonitorReason, str]:
    message = f"{what}, at least {least} are needed: {least - found} more"
    if found:
        message += f"; at this rate a window of {duration_of(ceil(least * size / found))} has enough"
    return MonitorReason.TOO_FEW_SAMPLES, message
