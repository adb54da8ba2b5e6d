# SPDX-License-Identifier: Apache-2.0
"""Which number a version gets: 1, 2, 3, ... by age, once and for good.

A number belongs to one object: a version that is deleted and made again under its name is
another one and gets another number. Numbers of deleted versions are remembered for as long as
there is room, so that a version which is missing from a cache for a moment keeps its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops_operator.api.model import MAX_VERSIONS, VersionNumber
from mlops_operator.controllers.shared.indexes import VersionFact


@dataclass(frozen=True)
class Numbers:
    """The numbers given.

    Attributes:
        versions: one entry per version, by number.
        latest: the highest number ever given.
        unnumbered: how many versions there was no room for.
    """

    versions: tuple[VersionNumber, ...]
    latest: int
    unnumbered: int


def number(
    known: Sequence[VersionNumber], latest: int, versions: Iterable[VersionFact], *, room: int = MAX_VERSIONS
) -> Numbers:
    """The numbers after every version that is there has got one: the oldest first, by name among equals."""
    present = {version.uid: version for version in versions}
    numbered = {entry.uid for entry in known}
    fresh = sorted(version for uid, version in present.items() if uid not in numbered)
    # A name is a key of the list: a version made again takes the place of its predecessor.
    taken = {version.name for version in fresh}
    entries = [entry for entry in known if entry.name not in taken]
    surplus = max(0, len(entries) + len(fresh) - room)
    if surplus:
        dropped = {entry.uid for entry in [entry for entry in entries if entry.uid not in present][:surplus]}
        entries = [entry for entry in entries if entry.uid not in dropped]
    accepted = fresh[: room - len(entries)]
    given = [
        VersionNumber(name=version.name, uid=version.uid, number=count)
        for count, version in enumerate(accepted, start=latest + 1)
    ]
    return Numbers((*entries, *given), latest + len(given), len(fresh) - len(accepted))
