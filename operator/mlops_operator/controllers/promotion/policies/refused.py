"""Whether the version, or the very same artifact under another name, failed this gate before.

What a gate refused is not tried again by anything automatic: a retry would be a second
draw from the same urn.
"""

from collections.abc import Iterable

from mlops_operator.api.promotion import PromotionPhase, PromotionReason
from mlops_operator.controllers.promotion.policies.supersede import Sibling


def refused_by(siblings: Iterable[Sibling], *, version: str, digest: str | None) -> Sibling | None:
    """The first Promotion whose gate this version failed; None where there is none."""
    for sibling in siblings:
        failed = sibling.phase == PromotionPhase.REJECTED and sibling.reason == PromotionReason.GATE_FAILED
        same = sibling.version == version or (digest is not None and sibling.digest == digest)
        if failed and same:
            return sibling
    return None
