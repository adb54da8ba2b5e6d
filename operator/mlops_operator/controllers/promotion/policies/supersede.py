"""Which of several Promotions of one alias counts: the newest request, whatever became of it.

So the answer does not depend on when somebody looked: an older Promotion that is still open
when a newer one appears is over. Two that ask for the same version do not stand in each other's way.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sibling:
    """Another Promotion of the same alias.

    Attributes:
        created: creation time as metav1.Time, whole seconds in UTC, so that text order is time order.
        reason: the reason of its `Ready` condition.
        digest: digest of its version's artifact, None where the version is gone.
    """

    name: str
    created: str
    version: str
    phase: str
    reason: str
    digest: str | None


def superseded_by(siblings: Iterable[Sibling], *, created: str, name: str, version: str) -> Sibling | None:
    """The newest Promotion, if it is newer than the one given (by name where the times are the same)
    and asks for another version; else None."""
    newer = [sibling for sibling in siblings if (sibling.created, sibling.name) > (created, name)]
    newest = max(newer, key=lambda sibling: (sibling.created, sibling.name), default=None)
    return newest if newest is not None and newest.version != version else None
