# SPDX-License-Identifier: Apache-2.0
"""Retention of the artifacts of a Model: the policy in its spec, and the observed state in its status."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api.common import PodOptions, Waiting
from mlops_operator.api.schema import (
    Digest,
    Duration,
    ListMap,
    ObjectName,
    PvcUri,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
)

MAX_LISTED: Final = 20
"""Entries of each list of `status.retention`: a user reads them, and one status stays small."""


class RetentionMode(StrEnum):
    """Action on the versions and runs that the policy lists."""

    DRY_RUN = "DryRun"
    """`DryRun` is set to list them without removing anything."""
    REMOVE = "Remove"
    """`Remove` is set to remove them after the list has shown them for `grace`."""


class Retention(SpecModel):
    """Retention policy for the artifacts of versions and the files of runs without a version.

    A version is listed if it is older than `keepFor`, is not one of the newest `keepVersions`, is not in use, and its
    TrainingJob is on record as the writer of its files. The files are removed; the ModelVersion is kept, with the
    reason `ArtifactRemoved`. A TrainingJob that has failed, and an attempt that did not succeed of one that has ended,
    are listed if they ended longer than `keepRunsFor` ago and no object names their files.
    """

    mode: RetentionMode = RetentionMode.DRY_RUN
    keep_versions: Annotated[int, Field(ge=0, le=500)] = 10
    """Number of the newest versions that are kept in addition to those in use. Versions without a TrainingJob on
    record are not counted."""
    keep_for: Duration = "720h"
    """Minimum age of a ModelVersion before its files are removed."""
    keep_history_for: Duration = "720h"
    """Time for which a version is kept after an alias has moved on from it, as the target of a rollback. The version
    that an alias pointed at last before the present one is always kept."""
    keep_runs_for: Duration = "720h"
    """Time after the end of a TrainingJob for which the files of attempts without a version are kept."""
    grace: Duration = "1h"
    """Time for which the list in the status must have shown a version or run before it is removed."""
    task_pods: PodOptions = PodOptions()
    """Settings of the pods that remove files."""


class KeptReason(StrEnum):
    """Reason for keeping a version or a run that is beyond the policy."""

    IN_USE = "InUse"
    """`InUse` is set when an alias, the history of an alias, or another object names the version, its artifact or its
    files."""
    SHARED_FILES = "SharedFiles"
    """`SharedFiles` is set when another ModelVersion has files in the same folder."""
    RUNNING = "Running"
    """`Running` is set when a pod of the TrainingJob may still run."""
    NOT_ON_RECORD = "NotOnRecord"
    """`NotOnRecord` is set when no TrainingJob was found, when the artifact was verified, whose result is this version
    and whose folder holds the artifact. Such files are never removed."""


class ListedVersion(StatusModel):
    """A version that is beyond the policy and not in use."""

    version: ObjectName
    version_uid: Uid
    folder: PvcUri
    """The folder of the TrainingJob, whose content is removed: the files of all its attempts."""
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes of the artifact, where the run reported them."""
    since: Timestamp
    """Time at which the version was first listed."""


class KeptVersion(StatusModel):
    """A version that is beyond the policy and kept."""

    version: ObjectName
    reason: KeptReason
    message: Text = ""
    """Explanation of the reason."""


class FolderRemoval(StatusModel):
    """The removal of the files in one folder."""

    folder: PvcUri
    marked_at: Timestamp
    """Time from which nothing new may use the files. Until `startedAt` they are kept if they turn out to be in use."""
    started_at: Timestamp | None = None
    """Time from which files may be missing."""
    failures: Annotated[int, Field(ge=0)] = 0
    """Number of removal Jobs that have failed."""
    failed_at: Timestamp | None = None
    """Time at which the last removal Job failed."""


class Removal(FolderRemoval):
    """A version whose files are being removed."""

    version: ObjectName
    version_uid: Uid
    digest: Digest

    @property
    def identity(self) -> str:
        """Identity of the removal, unique within the Model."""
        return self.version_uid

    @property
    def subject(self) -> str:
        """Name of what is removed, for messages."""
        return self.version


class RunRemoval(FolderRemoval):
    """A run whose files are being removed."""

    training_job: ObjectName
    training_job_uid: Uid

    @property
    def identity(self) -> str:
        """Identity of the removal, unique within the Model."""
        return self.folder

    @property
    def subject(self) -> str:
        """Name of what is removed, for messages."""
        return self.folder


AnyRemoval = Removal | RunRemoval


class RemovedVersion(StatusModel):
    """A version whose files were removed."""

    version: ObjectName
    version_uid: Uid
    time: Timestamp
    """Time at which the removal ended."""
    size: Annotated[int, Field(ge=0)] = 0
    """Size of the removed files in bytes."""


class ListedRun(StatusModel):
    """Files of a TrainingJob that made no version and that no object names."""

    training_job: ObjectName
    training_job_uid: Uid
    folder: PvcUri
    """Folder whose content is removed: that of the TrainingJob if it has failed, else that of one attempt."""
    since: Timestamp
    """Time at which the folder was first listed."""


class KeptRun(StatusModel):
    """Files of a TrainingJob that made no version and are kept."""

    training_job: ObjectName
    folder: PvcUri
    reason: KeptReason
    message: Text = ""
    """Explanation of the reason."""


class RemovedRun(StatusModel):
    """Files of a TrainingJob that were removed."""

    training_job: ObjectName
    training_job_uid: Uid
    folder: PvcUri
    time: Timestamp
    """Time at which the removal ended."""
    size: Annotated[int, Field(ge=0)] = 0
    """Size of the removed files in bytes."""


class RunRetentionStatus(StatusModel):
    """Files beyond the policy of attempts that made no version."""

    listed: Annotated[int, Field(ge=0)] = 0
    """Number of folders that are beyond the policy and not in use."""
    folders: Annotated[tuple[ListedRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest of the listed folders. Only folders in this list are removed."""
    kept_folders: Annotated[tuple[KeptRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest folders that are beyond the policy and kept."""
    removals: Annotated[tuple[RunRemoval, ...], Field(max_length=MAX_LISTED)] = ()
    """Removals in progress."""
    removed: Annotated[int, Field(ge=0)] = 0
    """Number of folders whose files have been removed."""
    last_removed: Annotated[tuple[RemovedRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The latest removed folders, the latest first."""


class RetentionStatus(StatusModel):
    """Versions and runs beyond the policy: those that are or will be removed, and those that are kept, with the
    reason."""

    mode: RetentionMode = RetentionMode.DRY_RUN
    listed: Annotated[int, Field(ge=0)] = 0
    """Number of versions that are beyond the policy and not in use."""
    listed_size: Annotated[int, Field(ge=0)] = 0
    """Size of their artifacts in bytes, as reported by the runs."""
    versions: Annotated[tuple[ListedVersion, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest of the listed versions. Only versions in this list are removed."""
    kept: Annotated[int, Field(ge=0)] = 0
    """Number of versions that are beyond the policy and kept."""
    kept_versions: Annotated[tuple[KeptVersion, ...], Field(max_length=MAX_LISTED), ListMap("version")] = ()
    """The oldest of the kept versions."""
    removals: Annotated[tuple[Removal, ...], Field(max_length=MAX_LISTED)] = ()
    """Removals in progress."""
    waiting: Waiting | None = None
    """Reason why a removal does not progress."""
    removed: Annotated[int, Field(ge=0)] = 0
    """Number of versions whose files have been removed."""
    removed_size: Annotated[int, Field(ge=0)] = 0
    """Size of all removed files in bytes, of versions and runs."""
    last_removed: Annotated[tuple[RemovedVersion, ...], Field(max_length=MAX_LISTED)] = ()
    """The latest removed versions, the latest first."""
    runs: RunRetentionStatus = RunRetentionStatus()
    """Files of attempts that made no version."""

    @property
    def every_removal(self) -> tuple[AnyRemoval, ...]:
        """Removals at work, those of versions first."""
        return (*self.removals, *self.runs.removals)
