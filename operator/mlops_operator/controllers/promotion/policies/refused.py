"""Whether the version, or the very same artifact under another name, failed this gate before.

What a gate refused is not tried again by anything automatic: a retry would be a second
draw from the same urn.
"""

from collections.abc import Iterable

from mlops_operator.controllers.shared.promotions import GateFailure


def refused_by(failures: Iterable[GateFailure]) -> GateFailure | None:
    """The oldest Promotion in which this version, or its artifact, failed the gate; None where there is none."""
    return min(failures, default=None)
