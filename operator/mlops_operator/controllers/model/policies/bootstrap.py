"""Which version an alias with `bootstrap` is offered while it points at nothing.

The offer is a Promotion like any other: the alias's gate decides. Each version is offered
once, the lowest number first. A Promotion's name follows from the version, so the Promotion
that is there is the memory of the offer.
"""

from collections.abc import Callable, Container, Sequence

from mlops_operator.api.model import VersionNumber
from mlops_operator.controllers.shared.indexes import VersionFact


def offer(
    numbers: Sequence[VersionNumber],
    versions: Sequence[VersionFact],
    promotions: Container[str],
    promotion_name: Callable[[VersionFact], str],
) -> VersionFact | None:
    """The version to offer to an alias that points at nothing; None where none is left.

    Args:
        numbers: the numbers of the versions.
        versions: those that are there.
        promotions: names of Promotions that are there.
        promotion_name: the name of the Promotion that offers a version to this alias.
    """
    by_uid = {version.uid: version for version in versions if version.eligible}
    for entry in sorted(numbers, key=lambda entry: entry.number):
        version = by_uid.get(entry.uid)
        if version is not None and promotion_name(version) not in promotions:
            return version
    return None
