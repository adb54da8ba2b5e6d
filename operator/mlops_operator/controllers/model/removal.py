"""The removal of artifacts, step by step, so that a crash between any two leaves nothing promoted without its files.

1. A version beyond the policy is listed in the status. A user sees the list for `grace`.
2. It is marked: the status names it among the removals. From that write on the Model moves no alias to it, and its own
   controller makes it `RemovalPending`, so that nothing new begins to use it.
3. What began before that has settled: all that could use it is read from the API server once more. If something uses
   it, the mark is withdrawn. Else `startedAt` is written, which cannot be taken back.
4. Its own controller makes it `ArtifactRemoved`, which stays. Only then a Job removes the files.
5. The Job has ended well: the removal is counted.

Steps 2 and 3 and the moves of aliases are writes of one status, each refused if another came before it.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retention import Removal, RetentionStatus
from mlops_operator.controllers.model.policies.retention import Sorted
from mlops_operator.controllers.model.removal_list import grace_over, listed, marked, sorted_versions
from mlops_operator.controllers.model.removal_work import Step, work
from mlops_operator.controllers.model.retained import is_settled, settles_at
from mlops_operator.controllers.model.situation import Situation

LOOK_AGAIN: Final = 3600.0
"""Seconds after which the uses of versions are looked at again: an end of a use makes no event for the Model."""


def next_step(at: Situation, now: datetime) -> Step:
    """The next step; without a policy only removals that have started are brought to their end."""
    verdict = sorted_versions(at, now)
    removable = frozenset(artifact.uid for artifact in verdict.removable) if at.removes else frozenset()
    advanced = (_advanced(entry, removable, at, now) for entry in at.former.removals)
    removals = tuple(entry for entry in advanced if entry is not None)
    step = work(at, at.former.model_copy(update={"removals": removals}), now)
    assert step.status is not None
    if at.policy is None:
        return replace(step, status=_without_policy(step.status))
    status = marked(at.policy, listed(at.policy, step.status, verdict, now), verdict, now)
    looks = [LOOK_AGAIN, *((moment - now).total_seconds() for moment in _moments(at, status, verdict))]
    if step.requeue_after is not None:
        looks.append(step.requeue_after)
    return replace(step, status=status, requeue_after=max(1.0, min(looks)))


def _without_policy(status: RetentionStatus) -> RetentionStatus | None:
    if not status.removals:
        return None
    return RetentionStatus(mode=status.mode, removals=status.removals, waiting=status.waiting)


def _advanced(entry: Removal, removable: frozenset[str], at: Situation, now: datetime) -> Removal | None:
    """A removal that has not started: kept, started, or withdrawn (None). One that has started stays."""
    if entry.started_at is not None:
        return entry
    held = at.retained.versions.get(entry.version_uid)
    if held is None or entry.version_uid not in removable or held.artifact.folder != entry.folder:
        return None
    if not is_settled(entry, held, now, settle=at.settings.removal_settle) or at.retained.fresh is None:
        return entry
    return None if entry.version_uid in at.retained.fresh else entry.model_copy(update={"started_at": timestamp(now)})


def _moments(at: Situation, status: RetentionStatus, verdict: Sorted) -> Iterator[datetime]:
    """When the next step may be due by time alone."""
    if verdict.next_change is not None:
        yield verdict.next_change
    if at.policy is not None and at.removes:
        yield from (grace_over(at.policy, entry) for entry in status.versions)
    for entry in status.removals:
        held = at.retained.versions.get(entry.version_uid)
        settled = settles_at(entry, held, settle=at.settings.removal_settle) if held is not None else None
        if entry.started_at is None and settled is not None:
            yield settled
