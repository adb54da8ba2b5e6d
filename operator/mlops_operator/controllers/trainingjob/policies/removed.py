# SPDX-License-Identifier: Apache-2.0
"""Folders whose files the Model removes: recorded permanently before the first file is removed.

The Model does not begin before it finds its removal here, and lists no folder that is here.
"""

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus
from mlops_operator.controllers.shared.models import run_removals_of


def with_removed(status: TrainingJobStatus, uid: str, model: Manifest | None) -> TrainingJobStatus:
    """The status of the TrainingJob `uid` with the folders that its Model removes."""
    known = status.removed_folders
    started = (entry for entry in run_removals_of(model) if entry.started_at is not None)
    added = tuple(entry.folder for entry in started if entry.training_job_uid == uid and entry.folder not in known)
    return status.replace(removed_folders=(*known, *added)) if added else status
