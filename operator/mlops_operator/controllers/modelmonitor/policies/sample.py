"""Whether a window has enough labeled rows for a verdict."""

from collections.abc import Mapping

from mlops_operator.api.modelmonitor import LABELED_SHARE, MonitoredMetric, MonitorReason

ROWS = "rows"
LABELED = "labeled"
"""Names under which the workload counts answered rows, and those of them whose label is known and comparable."""

RAREST = "{}.rarest"
"""Name under which it counts the labeled rows of the rarest class, for a metric that weighs all classes alike."""


def sample_size(metric: str, counts: Mapping[str, int]) -> int:
    """Rows that a metric is over."""
    return counts.get(ROWS if metric == LABELED_SHARE else LABELED, 0)


def check_sample(
    metric: MonitoredMetric, counts: Mapping[str, int], *, min_labeled_share: float
) -> tuple[MonitorReason, str] | None:
    """Why the rows do not suffice for `metric`; None where they do."""
    rows, labeled, least = counts.get(ROWS, 0), counts.get(LABELED, 0), metric.min_samples
    if rows == 0:
        return MonitorReason.NO_DATA, "no rows"
    if metric.name == LABELED_SHARE:
        return (MonitorReason.TOO_FEW_SAMPLES, f"{rows} rows, at least {least} are needed") if rows < least else None
    if labeled < min_labeled_share * rows:
        message = (
            f"{labeled} of {rows} rows have labels ({labeled / rows:.3g}), at least a share of {min_labeled_share:.6g} "
            "is needed (spec.labels.minShare): the rows that get labels may not be typical"
        )
        return MonitorReason.TOO_FEW_LABELS, message
    if labeled < least:
        return MonitorReason.TOO_FEW_SAMPLES, f"{labeled} of {rows} rows have labels, at least {least} are needed"
    rarest = counts.get(RAREST.format(metric.name))
    if rarest is not None and rarest < least:
        message = f"the rarest class has {rarest} of {labeled} labeled rows, {metric.name} needs at least {least}"
        return MonitorReason.TOO_FEW_SAMPLES, message
    return None
