"""Whether a window has labelled rows enough to say anything."""

from collections.abc import Mapping

from mlops_operator.api.modelmonitor import MonitorReason

ROWS = "rows"
LABELLED = "labelled"
"""Names under which the workload counts answered rows, and those of them whose label is known."""


def check_sample(counts: Mapping[str, int], *, min_samples: int) -> tuple[MonitorReason, str] | None:
    """Why the rows do not suffice; None where they do."""
    rows, labelled = counts.get(ROWS, 0), counts.get(LABELLED, 0)
    if rows == 0:
        return MonitorReason.NO_DATA, "no rows"
    if labelled < min_samples:
        message = f"{labelled} of {rows} rows have labels, at least {min_samples} are needed"
        return MonitorReason.TOO_FEW_SAMPLES, message
    return None
