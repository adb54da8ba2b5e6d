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
    """What is done with the versions that the policy lists."""

    DRY_RUN = "DryRun"
    """They are listed, and nothing is removed."""
    REMOVE = "Remove"
    """They are listed, and removed when the list has shown them for `grace`."""


class Retention(SpecModel):
    """Which versions' artifacts are removed. The files go; the ModelVersion stays, with the reason `ArtifactRemoved`.

    A version is listed if it is older than `keepFor`, is not one of the newest `keepVersions`, is not in use, and its
    TrainingJob is on record as the writer of its files.
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
    grace: Duration = "1h"
    """Time for which the list in the status must have shown a version before it is removed."""
    task_pods: PodOptions = PodOptions()
    """The pods that remove files."""


class KeptReason(StrEnum):
    """Why a version that is beyond the policy is kept."""

    IN_USE = "InUse"
    """`InUse` is set when an alias, the history of an alias, or another object names the version, its artifact or its
    files."""
    SHARED_FILES = "SharedFiles"
    """`SharedFiles` is set when another ModelVersion has files in the same folder."""
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


class Removal(StatusModel):
    """A version whose files are being removed."""

    version: ObjectName
    version_uid: Uid
    digest: Digest
    folder: PvcUri
    marked_at: Timestamp
    """Since when nothing new may use the version. Until `startedAt` it is kept if it turns out to be in use."""
    started_at: Timestamp | None = None
    """Since when files may be missing."""
    failures: Annotated[int, Field(ge=0)] = 0
    """Removal Jobs that have failed."""
    failed_at: Timestamp | None = None


class RemovedVersion(StatusModel):
    """A version whose files were removed."""

    version: ObjectName
    version_uid: Uid
    time: Timestamp
    size: Annotated[int, Field(ge=0)] = 0
    """Bytes that were removed."""


class RetentionStatus(StatusModel):
    """Versions beyond the policy: those that are or will be removed, and those that are kept and why."""

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
    """Bytes that were removed so far."""
    last_removed: Annotated[tuple[RemovedVersion, ...], Field(max_length=MAX_LISTED)] = ()
    """The latest of them, the latest first."""
