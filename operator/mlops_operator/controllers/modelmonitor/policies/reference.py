"""What is usual for a version: the values of its first good windows, frozen once there are enough.

A reference belongs to a version and a window size. It is replaced by that of the next version,
never moved along: a limit that followed a slow decline would never be reached.
"""

from dataclasses import dataclass
from statistics import fmean, stdev

from mlops_operator.api.modelmonitor import ReferenceStatus


@dataclass(frozen=True)
class Band:
    """Limits that follow from a reference."""

    lower: float
    upper: float


def band(reference: ReferenceStatus, *, sigmas: float) -> Band | None:
    """Mean +- `sigmas` sample standard deviations; None where the values do not vary at all."""
    if reference.mean is None or not reference.std:
        return None
    return Band(reference.mean - sigmas * reference.std, reference.mean + sigmas * reference.std)


def reference_for(references: tuple[ReferenceStatus, ...], *, metric: str, version: str, size: str) -> ReferenceStatus:
    """The reference of a metric, empty where there is none for this version and window size."""
    for reference in references:
        if (reference.metric, reference.version, reference.size) == (metric, version, size):
            return reference
    return ReferenceStatus(metric=metric, version=version, size=size)


def extended(reference: ReferenceStatus, value: float, *, windows: int) -> ReferenceStatus:
    """`reference` with one more window; complete, and from then on frozen, at `windows` of them."""
    if reference.complete:
        return reference
    values = (*reference.values, value)
    if len(values) < windows:
        return reference.model_copy(update={"values": values})
    update = {"values": values, "mean": fmean(values), "std": stdev(values), "complete": True}
    return reference.model_copy(update=update)
