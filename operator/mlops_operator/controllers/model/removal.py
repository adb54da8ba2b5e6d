# SPDX-License-Identifier: Apache-2.0
"""The removal of artifacts, step by step, so that a crash between any two leaves nothing promoted without its files.

1. A version or run beyond the policy is listed in the status. A user sees the list for `grace`.
2. It is marked: the status names it among the removals. From that write on the Model moves no alias to a version, and
   its own controller makes it `RemovalPending`, so that nothing new begins to use it.
3. What began before that has settled: all that could use it is read from the API server once more. If something uses
   it, the mark is withdrawn. Else `startedAt` is written, which cannot be taken back.
4. Its own controller makes a version `ArtifactRemoved`, or records the folder on the TrainingJob, which stays. Only
   then a Job removes the files.
5. The Job has ended well: the removal is counted.

Steps 2 and 3 and the moves of aliases are writes of one status, each refused if another came before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retention import Removal, RetentionStatus, RunRemoval, RunRetentionStatus
from mlops_operator.controllers.model.removal_list import grace_over, listed, marked, sorted_versions
from mlops_operator.controllers.model.removal_runs import sorted_runs, with_runs
from mlops_operator.controllers.model.removal_work import Step, work
from mlops_operator.controllers.model.retained import is_settled, settles_at
from mlops_operator.controllers.model.situation import Situation

LOOK_AGAIN: Final = 3600.0
"""Seconds after which the uses of files are looked at again: an end of a use makes no event for the Model."""

Entry = TypeVar("Entry", Removal, RunRemoval)


def next_step(at: Situation, now: datetime) -> Step:
    """The next step; without a policy only removals that have started are brought to their end."""
    versions, runs = sorted_versions(at, now), sorted_runs(at, now)
    removable: frozenset[str] = frozenset()
    if at.removes:
        removable = frozenset([*(entry.uid for entry in versions.removable), *(run.folder for run in runs.removable)])
    removals = _advanced(at.former.removals, removable, at, now)
    of_runs = at.former.runs.replace(removals=_advanced(at.former.runs.removals, removable, at, now))
    step = work(at, at.former.replace(removals=removals, runs=of_runs), now)
    assert step.status is not None
    if at.policy is None:
        return replace(step, status=_without_policy(step.status))
    status = marked(at.policy, listed(at.policy, step.status, versions, now), versions, now)
    status = with_runs(at.policy, status, runs, now)
    changes = (moment for moment in (versions.next_change, runs.next_change) if moment is not None)
    looks = [LOOK_AGAIN, *((moment - now).total_seconds() for moment in (*changes, *_moments(at, status)))]
    if step.requeue_after is not None:
        looks.append(step.requeue_after)
    return replace(step, status=status, requeue_after=max(1.0, min(looks)))


def _without_policy(status: RetentionStatus) -> RetentionStatus | None:
    if not status.every_removal:
        return None
    runs = RunRetentionStatus(removals=status.runs.removals)
    return RetentionStatus(mode=status.mode, removals=status.removals, waiting=status.waiting, runs=runs)


def _advanced(entries: Sequence[Entry], removable: frozenset[str], at: Situation, now: datetime) -> tuple[Entry, ...]:
    """The removals, those that have not started kept, started, or withdrawn. One that has started stays."""
    advanced = (entry if entry.started_at is not None else _next(entry, removable, at, now) for entry in entries)
    return tuple(entry for entry in advanced if entry is not None)


def _next(entry: Entry, removable: frozenset[str], at: Situation, now: datetime) -> Entry | None:
    held = at.retained.versions.get(entry.identity)
    if entry.identity not in removable or (held is not None and held.artifact.folder != entry.folder):
        return None
    if not is_settled(entry, held, now, settle=at.settings.removal_settle) or at.retained.fresh is None:
        return entry
    return None if entry.identity in at.retained.fresh else entry.replace(started_at=timestamp(now))


def _moments(at: Situation, status: RetentionStatus) -> Iterator[datetime]:
    """When the next step may be due by time alone."""
    if at.policy is not None and at.removes:
        yield from (grace_over(at.policy, entry) for entry in status.versions)
        yield from (grace_over(at.policy, entry) for entry in status.runs.folders)
    for entry in status.every_removal:
        held = at.retained.versions.get(entry.identity)
        settled = settles_at(entry, held, settle=at.settings.removal_settle)
        if entry.started_at is None and settled is not None:
            yield settled
