"""Which artifacts of a Model are removed: the policy in its spec, and what came of it in its status."""

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
    """What is done with the versions and runs that the policy lists."""

    DRY_RUN = "DryRun"
    """They are listed, and nothing is removed."""
    REMOVE = "Remove"
    """They are listed, and removed when the list has shown them for `grace`."""


class Retention(SpecModel):
    """Which versions' artifacts are removed, and which files of runs that made no version.

    A version is listed if it is older than `keepFor`, is not one of the newest `keepVersions`, is not in use, and its
    TrainingJob is on record as the writer of its files. The files go; the ModelVersion stays, with the reason
    `ArtifactRemoved`. A TrainingJob that has failed, and an attempt that did not succeed of one that has ended, are
    listed if they ended longer than `keepRunsFor` ago and no object names their files.
    """

    mode: RetentionMode = RetentionMode.DRY_RUN
    keep_versions: Annotated[int, Field(ge=0, le=500)] = 10
    """Number of the newest versions that are kept beside those in use. Versions that no TrainingJob is on record for
    are not counted."""
    keep_for: Duration = "720h"
    """Age of the ModelVersion below which nothing of it is removed."""
    keep_history_for: Duration = "720h"
    """Time for which a version is kept after an alias has moved on from it, as the target of a rollback. The version
    that an alias pointed at last before the present one is always kept."""
    keep_runs_for: Duration = "720h"
    """Time from the end of a TrainingJob for which the files stay of attempts that made no version."""
    grace: Duration = "1h"
    """Time for which the list in the status must have shown a version or run before it is removed."""
    task_pods: PodOptions = PodOptions()
    """The pods that remove files."""


class KeptReason(StrEnum):
    """Why a version or a run that is beyond the policy is kept."""

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
    """Since when it is listed."""


class KeptVersion(StatusModel):
    """A version that is beyond the policy and kept."""

    version: ObjectName
    reason: KeptReason
    message: Text = ""


class FolderRemoval(StatusModel):
    """The removal of what is in one folder."""

    folder: PvcUri
    marked_at: Timestamp
    """Since when nothing new may use the files. Until `startedAt` they are kept if they turn out to be in use."""
    started_at: Timestamp | None = None
    """Since when files may be missing."""
    failures: Annotated[int, Field(ge=0)] = 0
    """Removal Jobs that have failed."""
    failed_at: Timestamp | None = None


class Removal(FolderRemoval):
    """A version whose files are being removed."""

    version: ObjectName
    version_uid: Uid
    digest: Digest

    @property
    def identity(self) -> str:
        """What no other removal of the Model has."""
        return self.version_uid

    @property
    def subject(self) -> str:
        """What is removed, in words."""
        return self.version


class RunRemoval(FolderRemoval):
    """A run whose files are being removed."""

    training_job: ObjectName
    training_job_uid: Uid

    @property
    def identity(self) -> str:
        """What no other removal of the Model has."""
        return self.folder

    @property
    def subject(self) -> str:
        """What is removed, in words."""
        return self.folder


AnyRemoval = Removal | RunRemoval


class RemovedVersion(StatusModel):
    """A version whose files were removed."""

    version: ObjectName
    version_uid: Uid
    time: Timestamp
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes that were removed."""


class ListedRun(StatusModel):
    """Files of a TrainingJob that made no version, and that no object names."""

    training_job: ObjectName
    training_job_uid: Uid
    folder: PvcUri
    """What is in it is removed. It is the folder of the TrainingJob if that has failed, else that of one attempt."""
    since: Timestamp
    """Since when it is listed."""


class KeptRun(StatusModel):
    """Files of a TrainingJob that made no version and are kept."""

    training_job: ObjectName
    folder: PvcUri
    reason: KeptReason
    message: Text = ""


class RemovedRun(StatusModel):
    """Files of a TrainingJob that were removed."""

    training_job: ObjectName
    training_job_uid: Uid
    folder: PvcUri
    time: Timestamp
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes that were removed."""


class RunRetentionStatus(StatusModel):
    """Files beyond the policy of attempts that made no version."""

    listed: Annotated[int, Field(ge=0)] = 0
    """Number of folders that are beyond the policy and not in use."""
    folders: Annotated[tuple[ListedRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest of them. Only folders in this list are removed."""
    kept_folders: Annotated[tuple[KeptRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest that are beyond the policy and kept."""
    removals: Annotated[tuple[RunRemoval, ...], Field(max_length=MAX_LISTED)] = ()
    """Removals at work."""
    removed: Annotated[int, Field(ge=0)] = 0
    """Number of folders whose files were removed so far."""
    last_removed: Annotated[tuple[RemovedRun, ...], Field(max_length=MAX_LISTED)] = ()
    """The latest of them, the latest first."""


class RetentionStatus(StatusModel):
    """Versions and runs beyond the policy: those that are or will be removed, and those that are kept and why."""

    mode: RetentionMode = RetentionMode.DRY_RUN
    listed: Annotated[int, Field(ge=0)] = 0
    """Number of versions that are beyond the policy and not in use."""
    listed_size: Annotated[int, Field(ge=0)] = 0
    """Bytes of their artifacts, where the runs reported them."""
    versions: Annotated[tuple[ListedVersion, ...], Field(max_length=MAX_LISTED)] = ()
    """The oldest of them. Only versions in this list are removed."""
    kept: Annotated[int, Field(ge=0)] = 0
    """Number of versions that are beyond the policy and kept."""
    kept_versions: Annotated[tuple[KeptVersion, ...], Field(max_length=MAX_LISTED), ListMap("version")] = ()
    """The oldest of them."""
    removals: Annotated[tuple[Removal, ...], Field(max_length=MAX_LISTED)] = ()
    """Removals at work."""
    waiting: Waiting | None = None
    """Why a removal does not get on."""
    removed: Annotated[int, Field(ge=0)] = 0
    """Number of versions whose files were removed so far."""
    removed_size: Annotated[int, Field(ge=0)] = 0
    """Bytes that were removed so far, of versions and runs."""
    last_removed: Annotated[tuple[RemovedVersion, ...], Field(max_length=MAX_LISTED)] = ()
    """The latest of them, the latest first."""
    runs: RunRetentionStatus = RunRetentionStatus()
    """Files of attempts that made no version."""

    @property
    def every_removal(self) -> tuple[AnyRemoval, ...]:
        """Removals at work, those of versions first."""
        return (*self.removals, *self.runs.removals)
