# SPDX-License-Identifier: Apache-2.0
"""The list of runs beyond the policy, and which of them are marked for removal."""

from datetime import datetime

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.retention import (
    MAX_LISTED,
    KeptRun,
    ListedRun,
    Retention,
    RetentionMode,
    RetentionStatus,
    RunRemoval,
)
from mlops_operator.controllers.model.policies.runs import SortedRuns, sort_runs
from mlops_operator.controllers.model.removal_list import grace_over
from mlops_operator.controllers.model.situation import Situation


def sorted_runs(at: Situation, now: datetime) -> SortedRuns:
    """The runs beyond the policy; those whose files may be missing are not among them."""
    if at.policy is None:
        return SortedRuns()
    started = {entry.folder for entry in at.former.runs.removals if entry.started_at is not None}
    runs = (run for run in at.retained.runs if run.folder not in started)
    return sort_runs(at.policy, runs, at.retained.uses, now)


def with_runs(policy: Retention, status: RetentionStatus, verdict: SortedRuns, now: datetime) -> RetentionStatus:
    """The status with the present list. What was listed for long enough is marked; the rest keeps its time."""
    since = {entry.folder: entry.since for entry in status.runs.folders}
    going = {entry.folder for entry in status.runs.removals}
    listed = [
        ListedRun(
            training_job=run.name,
            training_job_uid=run.uid,
            folder=run.folder,
            since=since.get(run.folder) or timestamp(now),
        )
        for run in verdict.removable
        if run.folder not in going
    ]
    due: list[ListedRun] = []
    if policy.mode is RetentionMode.REMOVE:
        due = [entry for entry in listed[:MAX_LISTED] if grace_over(policy, entry) <= now][: MAX_LISTED - len(going)]
    marks = (
        RunRemoval(
            training_job=entry.training_job,
            training_job_uid=entry.training_job_uid,
            folder=entry.folder,
            marked_at=timestamp(now),
        )
        for entry in due
    )
    left = [entry for entry in listed if entry not in due]
    kept = tuple(
        KeptRun(training_job=run.name, folder=run.folder, reason=use.reason, message=use.message)
        for run, use in verdict.kept[:MAX_LISTED]
    )
    runs = status.runs.replace(
        listed=len(left), folders=tuple(left[:MAX_LISTED]), kept_folders=kept, removals=(*status.runs.removals, *marks)
    )
    return status.replace(runs=runs)
