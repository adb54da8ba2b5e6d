# SPDX-License-Identifier: Apache-2.0
"""Which versions are beyond the retention policy of their Model, and why some of those are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.retention import KeptReason, Retention
from mlops_operator.api.schema import seconds

NOT_ON_RECORD: Final = (
    "no TrainingJob is on record as the writer of its files; if they are not needed, remove them manually and "
    "delete the ModelVersion"
)


class Artifact(NamedTuple):
    """A version as the policy sees it.

    Attributes:
        number: its number in the Model; the newest version has the highest.
        created: creation time as metav1.Time.
        folder: of the TrainingJob that wrote its files; empty where none is on record.
        size: bytes of the artifact.
    """

    number: int
    name: str
    uid: str
    digest: str
    created: str
    folder: str
    size: int


class Use(NamedTuple):
    """Why a version is kept.

    Attributes:
        until: when the use ends by itself; None where something else has to change.
    """

    reason: KeptReason
    message: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """The versions beyond the policy.

    Attributes:
        removable: those that may be removed, the oldest first.
        kept: those that are kept, the oldest first.
        next_change: when time alone makes this answer another one; None where it does not.
    """

    removable: tuple[Artifact, ...] = ()
    kept: tuple[tuple[Artifact, Use], ...] = ()
    next_change: datetime | None = None


def sort_versions(policy: Retention, versions: Sequence[Artifact], uses: Mapping[str, Use], now: datetime) -> Sorted:
    """Sort the versions of a Model whose files are there.

    A version that is in use is not counted among the newest `keepVersions`, nor is one without a folder: else anyone
    with the right to create ModelVersions could move others out of the policy.

    Args:
        policy: of the Model.
        versions: in any order.
        uses: why a version is kept, by UID.
        now: the present time.
    """
    keep_for = timedelta(seconds=seconds(policy.keep_for))
    newest_first = sorted(versions, reverse=True)
    countable = [version.uid for version in newest_first if version.folder and version.uid not in uses]
    newest = frozenset(countable[: policy.keep_versions])
    removable: list[Artifact] = []
    kept: list[tuple[Artifact, Use]] = []
    changes = [use.until for use in uses.values() if use.until is not None]
    for version in reversed(newest_first):
        of_age = parse_timestamp(version.created) + keep_for
        if now < of_age:
            changes.append(of_age)
        elif (use := _use(version, uses)) is not None:
            kept.append((version, use))
        elif version.uid not in newest:
            removable.append(version)
    return Sorted(removable=tuple(removable), kept=tuple(kept), next_change=min(changes, default=None))


def _use(version: Artifact, uses: Mapping[str, Use]) -> Use | None:
    if not version.folder:
        return Use(KeptReason.NOT_ON_RECORD, NOT_ON_RECORD)
    return uses.get(version.uid)
