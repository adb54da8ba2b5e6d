# SPDX-License-Identifier: Apache-2.0
"""How good a version usually is: the first good windows of a version, fixed once there are enough.

A reference belongs to a version and its digest. Until it is complete, that of the former version is
in force, and without one the figure of the version's gate. It never moves along: a limit that
followed a slow decline would never be reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.modelmonitor import Reference, ReferenceStatus, ReferenceWindow, WindowStatus
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modelmonitor.policies.level import level_of

FEWEST: Final = 3
"""Windows of a former version that are compared with although it was replaced before its reference was complete: a
median of fewer is not robust."""


@dataclass(frozen=True)
class References:
    """The references of one metric while a window is judged.

    Attributes:
        in_force: a complete one, of the version that is served or of a former one, or the figure of a gate; None where
            there is none.
        collecting: that of the version that is served as long as it is not complete; None once it is in force.
    """

    in_force: ReferenceStatus | None
    collecting: ReferenceStatus | None

    @property
    def compared(self) -> ReferenceStatus | None:
        """What a window is compared with: without a complete reference, the windows so far."""
        return self.in_force or (self.collecting if self.collecting and self.collecting.windows else None)


def references_for(
    metric: str,
    window: WindowStatus,
    in_force: Sequence[ReferenceStatus],
    collecting: Sequence[ReferenceStatus],
    spec: Reference,
    *,
    gate: ReferenceStatus | None = None,
) -> References:
    """The references of `metric` for the version of `window`, without those that are older than the spec allows.

    Windows say more of the traffic than a gate does, so a gate's figure is in force only where no windows are.

    Args:
        metric: its name.
        window: the window that is judged.
        in_force: complete references, as they are stored.
        collecting: those of the version of the window before.
        spec: which windows count.
        gate: the figure of the gate of the window's version; None where there is none.
    """
    allowed = [entry for entry in in_force if entry.metric == metric and _allowed(entry, spec)]
    figure = next((entry for entry in allowed if entry.evaluation is not None), None)
    complete = next((entry for entry in allowed if entry.evaluation is None), None)
    if complete is not None and is_of(complete, window):
        return References(complete, None)
    if figure is None or not is_of(figure, window):
        figure = gate if gate is not None and _allowed(gate, spec) else figure
    begun = next((entry for entry in collecting if entry.metric == metric and _allowed(entry, spec)), None)
    if begun is not None and is_of(begun, window):
        return References(complete or figure, begun)
    if complete is None and begun is not None and len(begun.windows) >= FEWEST:
        complete = closed(begun)
    own = ReferenceStatus(metric=metric, version=window.version, digest=window.digest)
    return References(complete or figure, own)


def closed(reference: ReferenceStatus) -> ReferenceStatus:
    """`reference` with the windows it has, from now on fixed."""
    return reference.replace(level=level_of(reference.windows).share, complete=True)


def is_of(reference: ReferenceStatus, window: WindowStatus) -> bool:
    """Whether the reference is of the very version that the window measured."""
    return (reference.version, reference.digest) == (window.version, window.digest)


def admits(reference: ReferenceStatus, start: str, spec: Reference) -> bool:
    """Whether a window that starts at `start` may become part of the reference."""
    begin = parse_timestamp(start)
    if spec.not_before is not None and begin < parse_timestamp(spec.not_before):
        return False
    if spec.per is None or not reference.windows:
        return True
    apart = (begin - parse_timestamp(reference.windows[-1].start)).total_seconds()
    return apart >= seconds(spec.per) / spec.windows


def extended(reference: ReferenceStatus, window: ReferenceWindow) -> ReferenceStatus:
    """`reference` with one more window."""
    return reference.replace(windows=(*reference.windows, window))


def _allowed(reference: ReferenceStatus, spec: Reference) -> bool:
    if spec.not_before is None or not reference.windows:
        return True
    return parse_timestamp(reference.windows[0].start) >= parse_timestamp(spec.not_before)
