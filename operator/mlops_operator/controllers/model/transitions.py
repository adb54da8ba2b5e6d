# SPDX-License-Identifier: Apache-2.0
"""The events of a Model: an alias that moved or was dropped, a version that got its number, removed artifacts."""

from collections.abc import Iterator
from typing import Final

from mlops_operator.api.model import AliasMove, ModelReason, ModelStatus
from mlops_operator.api.retention import RetentionMode, RetentionStatus
from mlops_operator.controllers.shared.pending import POD_PENDING
from mlops_operator.framework.events import event, transition_events
from mlops_operator.runtime.work.plan import Event

ACTION: Final = "Register"
RETAIN: Final = "Retain"
"""What events say the controller was doing."""

_QUIET: Final = frozenset({ModelReason.RECONCILED, ModelReason.ALIAS_UNSET, ModelReason.BOOTSTRAPPING})
_WARNINGS: Final = frozenset({ModelReason.ALIAS_TARGET_MISSING, ModelReason.FORBIDDEN, ModelReason.RESTORE_PENDING})


def events(before: ModelStatus, after: ModelStatus) -> tuple[Event, ...]:
    """What is new in `after`."""
    return (
        *_aliases(before, after),
        *_versions(before, after),
        *_retention(before.retention or RetentionStatus(), after.retention or RetentionStatus()),
        *transition_events(before, after, action=ACTION, quiet=_QUIET, warnings=_WARNINGS),
    )


def _aliases(before: ModelStatus, after: ModelStatus) -> Iterator[Event]:
    former = {entry.name: entry for entry in before.aliases}
    for entry in after.aliases:
        old = former.pop(entry.name, None)
        if entry.reason is AliasMove.RESTORED and (old is None or old.version_uid != entry.version_uid):
            message = f"{entry.name} was restored to {entry.version}, whose artifact has the digest {entry.digest}"
            yield event(warning=False, reason="AliasRestored", message=message, action=ACTION)
        elif old is None or old.promotion_uid != entry.promotion_uid:
            start = f"from {old.version} " if old else ""
            message = f"{entry.name} moved {start}to {entry.version} by the Promotion {entry.promotion}"
            yield event(warning=False, reason="AliasMoved", message=message, action="Promote")
    for name in former:
        yield event(
            warning=False, reason="AliasRemoved", message=f"{name} is no alias of the spec any more", action=ACTION
        )


def _versions(before: ModelStatus, after: ModelStatus) -> Iterator[Event]:
    for entry in after.versions:
        if entry.number > before.latest_version:
            message = f"{entry.name} is version {entry.number}"
            yield event(warning=False, reason="VersionAdded", message=message, action=ACTION)


def _retention(before: RetentionStatus, after: RetentionStatus) -> Iterator[Event]:
    former = {entry.version_uid for entry in before.versions} | {entry.version_uid for entry in before.removals}
    if any(entry.version_uid not in former for entry in after.versions):
        yield event(warning=False, reason="RetentionListed", message=_listed(after), action=RETAIN)
    going = {entry.version_uid for entry in after.removals}
    for entry in before.removals:
        if entry.started_at is None and entry.version_uid not in going:
            message = f"the artifact of {entry.version} is kept: it is in use, deleted, or within spec.retention now"
            yield event(warning=False, reason="RemovalWithdrawn", message=message, action=RETAIN)
    known = {entry.version_uid for entry in before.last_removed}
    for removed in after.last_removed:
        if removed.version_uid not in known:
            message = f"the artifact of {removed.version} was removed: {removed.size} bytes"
            yield event(warning=False, reason="ArtifactRemoved", message=message, action=RETAIN)
    yield from _runs(before, after)
    waiting = after.waiting
    told = before.waiting is not None and waiting is not None and before.waiting.reason == waiting.reason
    if waiting is not None and not told and waiting.reason != POD_PENDING:
        yield event(warning=True, reason=waiting.reason, message=waiting.message, action=RETAIN)


def _listed(status: RetentionStatus) -> str:
    names = ", ".join(entry.version for entry in status.versions)
    more = f" and {status.listed - len(status.versions)} more" if status.listed > len(status.versions) else ""
    what = f"{status.listed} versions are beyond spec.retention ({status.listed_size} bytes)"
    return f"{what}: {names}{more}; {_what_follows(status)}"


def _runs(before: RetentionStatus, after: RetentionStatus) -> Iterator[Event]:
    former = {entry.folder for entry in before.runs.folders} | {entry.folder for entry in before.runs.removals}
    if any(entry.folder not in former for entry in after.runs.folders):
        yield event(warning=False, reason="RetentionListed", message=_listed_runs(after), action=RETAIN)
    going = {entry.folder for entry in after.runs.removals}
    for entry in before.runs.removals:
        if entry.started_at is None and entry.folder not in going:
            message = (
                f"{entry.folder} is kept: it is in use, its TrainingJob is deleted, or it is within spec.retention now"
            )
            yield event(warning=False, reason="RemovalWithdrawn", message=message, action=RETAIN)
    known = {entry.folder for entry in before.runs.last_removed}
    for removed in after.runs.last_removed:
        if removed.folder not in known:
            message = f"{removed.folder} of TrainingJob {removed.training_job} was emptied: {removed.size} bytes"
            yield event(warning=False, reason="RunRemoved", message=message, action=RETAIN)


def _listed_runs(status: RetentionStatus) -> str:
    runs = status.runs
    names = ", ".join(dict.fromkeys(entry.training_job for entry in runs.folders))
    more = f" and {runs.listed - len(runs.folders)} more folders" if runs.listed > len(runs.folders) else ""
    return (
        f"{runs.listed} folders without a version are beyond spec.retention, of {names}{more}; {_what_follows(status)}"
    )


def _what_follows(status: RetentionStatus) -> str:
    if status.mode is RetentionMode.DRY_RUN:
        return "nothing is removed in mode DryRun"
    return "their files are removed after spec.retention.grace"
