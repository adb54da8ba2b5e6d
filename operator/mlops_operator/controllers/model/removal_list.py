# SPDX-License-Identifier: Apache-2.0
"""The list of versions beyond the policy, and which of them are marked for removal."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.model import AliasStatus
from mlops_operator.api.retention import (
    MAX_LISTED,
    KeptVersion,
    ListedRun,
    ListedVersion,
    Removal,
    Retention,
    RetentionMode,
    RetentionStatus,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.model.policies.alias_uses import alias_uses
from mlops_operator.controllers.model.policies.retention import Artifact, Sorted, Use, sort_versions
from mlops_operator.controllers.model.situation import Situation


def sorted_versions(at: Situation, now: datetime) -> Sorted:
    """The versions beyond the policy; those whose files may be missing are not among them."""
    if at.policy is None:
        return Sorted()
    started = {entry.version_uid for entry in at.former.removals if entry.started_at is not None}
    versions = at.retained.versions.items()
    artifacts = [held.artifact for uid, held in versions if not held.removed and uid not in started]
    window = seconds(at.policy.keep_history_for)
    aliases = _by_aliases(artifacts, at.aliases, window, now)
    # A use without an end outlasts one that ends with the window.
    others = {uid: use for uid, use in at.retained.uses.items() if uid not in aliases or aliases[uid].until is not None}
    return sort_versions(at.policy, artifacts, {**aliases, **others}, now)


def _by_aliases(
    artifacts: Iterable[Artifact], aliases: Sequence[AliasStatus], window: int, now: datetime
) -> dict[str, Use]:
    found: dict[str, Use] = {}
    for identities, use in alias_uses(aliases, window=window, now=now):
        for artifact in artifacts:
            if not identities.isdisjoint((artifact.uid, artifact.digest, artifact.name)):
                found.setdefault(artifact.uid, use)
    return found


def listed(policy: Retention, status: RetentionStatus, verdict: Sorted, now: datetime) -> RetentionStatus:
    """The status with the present list. What was removed, marked or listed before keeps its time."""
    since = {entry.version_uid: entry.since for entry in status.versions}
    marked = {entry.version_uid for entry in status.removals}
    beyond = [artifact for artifact in verdict.removable if artifact.uid not in marked]
    return status.replace(
        mode=policy.mode,
        listed=len(beyond),
        listed_size=sum(artifact.size for artifact in beyond),
        versions=tuple(
            ListedVersion(
                version=artifact.name,
                version_uid=artifact.uid,
                folder=artifact.folder,
                size=artifact.size,
                since=since.get(artifact.uid) or timestamp(now),
            )
            for artifact in beyond[:MAX_LISTED]
        ),
        kept=len(verdict.kept),
        kept_versions=tuple(
            KeptVersion(version=artifact.name, reason=use.reason, message=use.message)
            for artifact, use in verdict.kept[:MAX_LISTED]
        ),
    )


def marked(policy: Retention, status: RetentionStatus, verdict: Sorted, now: datetime) -> RetentionStatus:
    """The status in which versions that were listed for long enough are marked."""
    if policy.mode is not RetentionMode.REMOVE:
        return status
    digests = {artifact.uid: artifact.digest for artifact in verdict.removable}
    room = MAX_LISTED - len(status.removals)
    due = [entry for entry in status.versions if grace_over(policy, entry) <= now][:room]
    if not due:
        return status
    marks = (
        Removal(
            version=entry.version,
            version_uid=entry.version_uid,
            digest=digests[entry.version_uid],
            folder=entry.folder,
            marked_at=timestamp(now),
        )
        for entry in due
    )
    after = status.replace(removals=(*status.removals, *marks))
    return listed(policy, after, verdict, now)


def grace_over(policy: Retention, entry: ListedVersion | ListedRun) -> datetime:
    """When a version or run was listed for long enough to be removed."""
    return parse_timestamp(entry.since) + timedelta(seconds=seconds(policy.grace))
