# SPDX-License-Identifier: Apache-2.0
"""Which files of a Model's TrainingJobs made no version, and which of these are beyond the retention policy.

The status of the TrainingJob alone decides whose files they are: this operator writes it, and no run, no spec and no
ModelVersion can say anything else. A TrainingJob that has ended never runs again and registers nothing more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.retention import Retention
from mlops_operator.api.schema import seconds
from mlops_operator.api.trainingjob import AttemptOutcome, TrainingPhase
from mlops_operator.controllers.model.policies.retention import Use
from mlops_operator.controllers.shared.mentions import mentions
from mlops_operator.controllers.shared.stores import Folders, all_attempts, attempt_folder


class Run(NamedTuple):
    """Files of a TrainingJob that made no version.

    Attributes:
        ended: when the TrainingJob ended, as metav1.Time.
        name: of the TrainingJob.
        uid: of the TrainingJob.
        folder: that of the TrainingJob where it has failed, else that of one attempt.
    """

    ended: str
    name: str
    uid: str
    folder: str


def runs_of(training: Manifest) -> tuple[Run, ...]:
    """The files of a TrainingJob that made no version and were not removed; none while it has not ended."""
    metadata, status = training["metadata"], training.get("status") or {}
    folders = _FOLDERS.get(status.get("phase") or "")
    if folders is None or not status.get("completionTime"):
        return ()
    removed = status.get("removedFolders") or ()
    found = dict.fromkeys(folder for folder in folders(training, status) if folder not in removed)
    return tuple(Run(status["completionTime"], metadata["name"], metadata["uid"], folder) for folder in found)


def _of_failed(training: Manifest, status: Manifest) -> Iterator[str]:
    """The folder of the TrainingJob, in each store that its attempts had."""
    yield from (folders.training for _, folders in _attempts(training, status))


def _of_succeeded(training: Manifest, status: Manifest) -> Iterator[str]:
    """The folders of the attempts that did not succeed, and that hold nothing of the result."""
    result = mentions({"status": {name: status.get(name) for name in ("artifacts", "report")}})
    for outcome, folders in _attempts(training, status):
        wasted = outcome not in (None, AttemptOutcome.SUCCEEDED)
        if wasted and result.isdisjoint((folders.attempt, all_attempts(folders.training))):
            yield folders.attempt


def _attempts(training: Manifest, status: Manifest) -> Iterator[tuple[str | None, Folders]]:
    """The outcomes of the attempts with their folders, as far as these are on record."""
    for attempt in status.get("attempts") or ():
        folders = attempt_folder(training, attempt["index"], attempt.get("output") or "")
        if folders is not None:
            yield attempt.get("outcome"), folders


_FOLDERS: Final[Mapping[str, Callable[[Manifest, Manifest], Iterator[str]]]] = MappingProxyType(
    {TrainingPhase.FAILED: _of_failed, TrainingPhase.SUCCEEDED: _of_succeeded}
)


@dataclass(frozen=True, kw_only=True)
class SortedRuns:
    """The runs beyond the policy.

    Attributes:
        removable: those whose files may be removed, the oldest first.
        kept: those that are kept, the oldest first.
        next_change: when time alone makes this answer another one; None where it does not.
    """

    removable: tuple[Run, ...] = ()
    kept: tuple[tuple[Run, Use], ...] = ()
    next_change: datetime | None = None


def sort_runs(policy: Retention, runs: Iterable[Run], uses: Mapping[str, Use], now: datetime) -> SortedRuns:
    """Sort the runs of a Model whose files are there.

    Args:
        policy: of the Model.
        runs: in any order.
        uses: why files are kept, by folder.
        now: the present time.
    """
    keep_for = timedelta(seconds=seconds(policy.keep_runs_for))
    dated = [(parse_timestamp(run.ended) + keep_for, run) for run in sorted(runs)]
    beyond = [run for of_age, run in dated if of_age <= now]
    return SortedRuns(
        removable=tuple(run for run in beyond if run.folder not in uses),
        kept=tuple((run, uses[run.folder]) for run in beyond if run.folder in uses),
        next_change=min((of_age for of_age, _ in dated if of_age > now), default=None),
    )
