# SPDX-License-Identifier: Apache-2.0
"""Whether a user's Promotion holds the policy.

A user moves the alias by a Promotion that no RetrainPolicy and no Model controls. If that takes
the alias back to a version it pointed at before, or away from the version that this policy
promoted, the policy does not override it. The hold ends when the alias moves on: to a version
that it did not point at before, by another Promotion, or to the version that this policy promoted last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mlops_operator.api.retrainpolicy import Hold


class Author(Enum):
    """Who made a Promotion."""

    SELF = auto()
    """This policy."""
    AUTOMATION = auto()
    """Another policy, or a Model that fills an empty alias or restores it from a backup."""
    USER = auto()
    UNKNOWN = auto()
    """The Promotion does not exist any more."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A version's time under the alias.

    Attributes:
        uid: UID of the ModelVersion; empty where it is not known.
        digest: digest of its artifact; None where it is not known.
        promotion: name of the Promotion; empty where the alias was restored from a backup.
        since: metav1.Time, whole seconds in UTC, so that text order is time order.
    """

    version: str
    uid: str
    digest: str | None
    promotion: str
    promotion_uid: str
    since: str
    author: Author

    def same(self, other: "Term") -> bool:
        """Whether both are the same artifact; by UID, and then by name, where a digest is not known."""
        if self.digest is not None and other.digest is not None:
            return self.digest == other.digest
        if self.uid and other.uid:
            return self.uid == other.uid
        return self.version == other.version


def held_by(terms: Sequence[Term], *, created: str, resumed: str, known: Hold | None) -> Hold | None:
    """The hold, or None.

    Args:
        terms: where the alias points, and before that its former terms, the latest first.
        created: creation time of the policy; what happened before does not hold it.
        resumed: UID of the Promotion whose hold the user has ended.
        known: the hold in the status.
    """
    if not terms:
        return None
    current, *former = terms
    if current.promotion_uid == resumed or current.since < created:
        return None
    if known is not None and known.promotion_uid == current.promotion_uid:
        return known
    if not _holds(current, former):
        return None
    return Hold(
        promotion=current.promotion,
        promotion_uid=current.promotion_uid,
        version=current.version,
        since=current.since,
    )


def _holds(current: Term, former: Sequence[Term]) -> bool:
    if current.author in (Author.SELF, Author.AUTOMATION):
        return False
    own = next((term for term in former if term.author is Author.SELF), None)
    if own is not None and own.same(current):
        return False
    if any(term.same(current) for term in former):
        # Policies and Models offer versions that the alias did not point at before: a Promotion that does not
        # exist any more and goes back was made by a user.
        return True
    return current.author is Author.USER and bool(former) and former[0].author is Author.SELF
