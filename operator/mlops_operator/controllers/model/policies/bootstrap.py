"""Which version an alias with `bootstrap` is offered while it points at nothing.

The offer is a Promotion like any other: the alias's gate decides. Each version is offered
once, the lowest number first. A Promotion's name follows from the version, so the Promotion
that is there is the memory of the offer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlops_operator.api.conditions import READY, is_true
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, VersionNumber
from mlops_operator.api.modelversion import REJECTED, ModelVersionStatus
from mlops_operator.controllers.model.policies.aliases import ObservedPromotion


@dataclass(frozen=True)
class ObservedVersion:
    """A ModelVersion as the Model sees it."""

    name: str
    uid: str
    eligible: bool
    """Ready, and not rejected by a gate."""

    @classmethod
    def of(cls, obj: Manifest) -> "ObservedVersion":
        """From the object."""
        conditions = ModelVersionStatus.of(obj).conditions
        eligible = is_true(conditions, READY) and not is_true(conditions, REJECTED)
        return cls(obj["metadata"]["name"], obj["metadata"]["uid"], eligible)


def offer(
    alias: Alias,
    numbers: Sequence[VersionNumber],
    versions: Sequence[ObservedVersion],
    promotions: Sequence[ObservedPromotion],
    promotion_name: Callable[[ObservedVersion], str],
) -> ObservedVersion | None:
    """The version to offer to an alias that points at nothing; None if it is not time, or none is left.

    Args:
        promotion_name: the name of the Promotion that offers a version to this alias.
    """
    if not alias.bootstrap:
        return None
    if any(promotion.spec.alias == alias.name and not promotion.terminal for promotion in promotions):
        return None
    offered = {promotion.name for promotion in promotions}
    by_uid = {version.uid: version for version in versions if version.eligible}
    for entry in sorted(numbers, key=lambda entry: entry.number):
        version = by_uid.get(entry.uid)
        if version is not None and promotion_name(version) not in offered:
            return version
    return None
