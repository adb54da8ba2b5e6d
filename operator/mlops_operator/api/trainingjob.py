# SPDX-License-Identifier: Apache-2.0
"""TrainingJob: runs training code to completion, in one pod or several."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_contract import limits
from mlops_operator.api import reasons
from mlops_operator.api.common import (
    DataInput,
    DataRead,
    Output,
    PodOptions,
    PodSettings,
    ReportRef,
    StatusBase,
    Waiting,
)
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.schema import (
    AnyJson,
    CelRule,
    Digest,
    Duration,
    ListMap,
    LongText,
    ObjectName,
    PvcUri,
    StatusModel,
    Text,
    Timestamp,
    Uid,
    Uri,
)

MAX_FAILURES: Final = 21
"""Maximum number of failed attempts that `backoffLimit` allows."""

MAX_DISRUPTIONS: Final = 101
"""Maximum number of disrupted attempts that `disruptionLimit` allows."""

MAX_ATTEMPTS: Final = MAX_FAILURES + MAX_DISRUPTIONS
"""Maximum number of attempts. Each is kept in the status."""


MAX_PARAMETERS_KIB: Final = 100
"""Size of all parameters as JSON that admission allows. They reach a run in one environment variable, of which Linux
takes 128 KiB; the difference is for the ways to write the same JSON."""


class TrainingJobSpec(PodSettings):
    """Desired state of a TrainingJob: the training program, its inputs and its limits.

    A change applies to the attempts that start after it. A running attempt keeps the spec that it was created from,
    unless it is suspended: then it restarts with the changed spec when it is resumed. A TrainingJob that has ended
    does not run again. The condition `SpecChangeIgnored` is true while the spec has a change that does not apply.
    """

    rules = (
        CelRule(
            "has(self.model) == has(oldSelf.model) && (!has(self.model) || self.model == oldSelf.model)",
            "model is immutable: create another TrainingJob instead",
        ),
    )

    model: ObjectName | None = None
    """Model that gets a version made from the result."""
    parameters: Annotated[dict[Annotated[str, Field(max_length=128)], AnyJson], Field(max_length=128)] = {}
    """Hyperparameters, any JSON values, passed to the run as `MLOPS_PARAM_<NAME>` and `MLOPS_PARAMETERS`. At most 100
    KiB as JSON in total. Put larger values into a file and name it in `data`."""
    data: Annotated[tuple[DataInput, ...], Field(max_length=limits.MAX_DATA_INPUTS), ListMap("name")] = ()
    """Data sets that the run reads, mounted read-only. Nothing else of their claims is mounted. A location that a
    gate of the Model uses is not allowed."""
    output: Output | None = None
    """Location for artifacts. Default: the operator's artifact store if `model` is set. A run with neither keeps no
    artifacts."""
    task_pods: PodOptions = PodOptions()
    """Settings of the pods that verify the version made from the result, copied to `spec.taskPods` of the
    ModelVersion."""
    replicas: Annotated[int, Field(ge=1, le=1024)] = 1
    """Number of pods that run together. If it is more than one, each pod has a stable DNS name and
    `MLOPS_COORDINATOR`, and the programs start when all pods exist. All pods must be scheduled at the same time; the
    attempt fails after half an hour without it."""
    seed: Annotated[int, Field(ge=0, le=limits.MAX_SEED)] | None = None
    """Random seed, passed to the run as `MLOPS_SEED`."""
    suspend: bool = False
    """Whether the pods of the running attempt are stopped, and no attempt starts."""
    backoff_limit: Annotated[int, Field(ge=0, le=MAX_FAILURES - 1)] = 3
    """Number of failed attempts that are retried before the TrainingJob is `Failed`."""
    disruption_limit: Annotated[int, Field(ge=0, le=MAX_DISRUPTIONS - 1)] = 50
    """Number of attempts that are retried because a pod was evicted, preempted or deleted, or its node was lost. They
    do not count towards `backoffLimit`."""
    data_deadline: Duration = "10m"
    """Maximum wait for data that do not exist, from the first attempt that ended with `DataNotFound`. Until then such
    an attempt is retried and does not count as failed. `0s` disables the wait."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Time limit for all attempts together, in seconds, excluding time spent in a queue."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=limits.MAX_SEED)] | None = None
    """Time in seconds after its end at which the TrainingJob and its pods are deleted. The ModelVersion is kept."""


class TrainingPhase(StrEnum):
    """Summary of the current state of a TrainingJob."""

    PENDING = "Pending"
    """`Pending` is set before the pods of the first attempt run."""
    RUNNING = "Running"
    """`Running` is set while the pods of an attempt run."""
    SUSPENDED = "Suspended"
    """`Suspended` is set while `spec.suspend` is true."""
    RETRYING = "Retrying"
    """`Retrying` is set between two attempts."""
    SUCCEEDED = "Succeeded"
    """`Succeeded` is set when an attempt succeeded."""
    FAILED = "Failed"
    """`Failed` is set when no further attempt is made."""


class TrainingReason(StrEnum):
    """Reasons of a TrainingJob's conditions."""

    STARTING = "Starting"
    """`Starting` is set while the Job of the attempt exists and its pods do not run yet."""
    RUNNING = reasons.RUNNING
    SUSPENDED = reasons.SUSPENDED
    BACKING_OFF = "BackingOff"
    """`BackingOff` is set when an attempt failed and the next one waits for its time."""
    DISRUPTED = "Disrupted"
    """`Disrupted` is set when a pod of the attempt was taken away. The next attempt starts when no pod of it runs any
    more."""
    SIDECAR_RUNNING = reasons.SIDECAR_RUNNING
    NODE_LOST = reasons.NODE_LOST
    SUCCEEDED = "Succeeded"
    """`Succeeded` is set when an attempt succeeded."""
    DATA_NOT_FOUND = reasons.DATA_NOT_FOUND
    """The attempt is made again, and counts as failed after `dataDeadline`."""
    RESTORED = "Restored"
    """`Restored` is set when a ModelVersion exists that a TrainingJob with this name and spec made: it does not run
    again."""
    OWNER_NOT_FOUND = reasons.OWNER_NOT_FOUND
    RESTORE_PENDING = reasons.RESTORE_PENDING
    """The first attempt starts after that."""
    MODEL_VERSION_NOT_FOUND = reasons.MODEL_VERSION_NOT_FOUND
    """It is the one that the annotation `mlops-operator.io/restored-from` names."""
    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    GATE_DATA_DECLARED = "GateDataDeclared"
    """`GateDataDeclared` is set when the data, the output or the pod template names a place that a gate of the Model
    uses: a version must not be trained on the rows that it is judged by."""
    IMAGE_UNAVAILABLE = reasons.IMAGE_UNAVAILABLE
    VOLUME_NOT_FOUND = reasons.VOLUME_NOT_FOUND
    CONFIG_UNAVAILABLE = reasons.CONFIG_UNAVAILABLE
    RUNS_AS_ROOT = reasons.RUNS_AS_ROOT
    UNSCHEDULABLE = reasons.UNSCHEDULABLE
    POD_PENDING = reasons.POD_PENDING
    INVALID_POD_TEMPLATE = reasons.INVALID_POD_TEMPLATE
    FORBIDDEN = reasons.FORBIDDEN
    TOO_LARGE = reasons.TOO_LARGE
    NAME_TAKEN = reasons.NAME_TAKEN
    BACKOFF_LIMIT_EXCEEDED = "BackoffLimitExceeded"
    """`BackoffLimitExceeded` is set when more attempts failed than `backoffLimit` allows."""
    DISRUPTION_LIMIT_EXCEEDED = "DisruptionLimitExceeded"
    """`DisruptionLimitExceeded` is set when more attempts were disrupted than `disruptionLimit` allows."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """`DeadlineExceeded` is set when the attempts ran longer than `activeDeadlineSeconds`."""
    RESULT_INVALID = reasons.RESULT_INVALID
    DATA_CORRUPT = "DataCorrupt"
    """`DataCorrupt` is set when data do not have their digest. The run is not retried."""
    DATA_INVALID = "DataInvalid"
    """`DataInvalid` is set when the run reports that its data do not have the form it needs. It is not retried."""
    CONFIGURATION_INVALID = reasons.CONFIGURATION_INVALID
    INVALID_SPEC = reasons.INVALID_SPEC
    REFUSED = reasons.REFUSED
    FINISHED = "Finished"
    """`Finished` is set as the reason of `SpecChangeIgnored` when the spec was changed and the TrainingJob has
    ended."""
    ATTEMPT_RUNNING = "AttemptRunning"
    """`AttemptRunning` is set as the reason of `SpecChangeIgnored` when the spec was changed after the attempt that
    runs was created."""


class AttemptOutcome(StrEnum):
    """Outcome of an attempt."""

    SUCCEEDED = "Succeeded"
    """`Succeeded` is set when the run succeeded."""
    FAILED = "Failed"
    """`Failed` is set when the run failed."""
    DISRUPTED = "Disrupted"
    """`Disrupted` is set when a pod was evicted, preempted or deleted, or its node was lost. It is no result of the
    run."""
    STOPPED = "Stopped"
    """`Stopped` is set when the operator ended the attempt because of a deadline."""


class Attempt(StatusModel):
    """An attempt to run the training."""

    index: Annotated[int, Field(ge=0)]
    """Index of the attempt, from 0."""
    job: ObjectName
    generation: Annotated[int, Field(ge=0)]
    """Generation of the spec that the attempt was created from."""
    output: PvcUri | None = None
    """Folder of the attempt in the artifact store. Absent if the attempt keeps nothing."""
    start_time: Timestamp | None = None
    """Time at which all pods of the attempt ran."""
    completion_time: Timestamp | None = None
    """Time at which the attempt ended."""
    outcome: AttemptOutcome | None = None
    reason: Annotated[str, Field(max_length=128)] = ""
    """Reason of the outcome in CamelCase."""
    message: Text = ""
    """Explanation of the outcome."""
    exit_code: int | None = None
    """Exit code of the container that ended the attempt."""


class FinishedRanks(StatusModel):
    """Results of ranks that succeeded before the other ranks of their attempt: their pods may be deleted by its end."""

    attempt: Annotated[int, Field(ge=0)]
    """Index of the attempt."""
    indexes: LongText
    """Ranks in the index format of batch/v1: `0,2-4`."""
    result: LongText = ""
    """Result reported by rank 0."""
    image: Annotated[str, Field(max_length=1024)] = ""
    """Image that rank 0 ran, as the container runtime identifies it."""
    image_name: Annotated[str, Field(max_length=1024)] = ""
    """Image of rank 0 as named in the spec."""
    inputs_digest: Digest | None = None
    """Digest of the attempt's inputs."""


class DataWait(StatusModel):
    """A wait for data that do not exist."""

    since: Timestamp
    """End of the first attempt that did not find the data. `dataDeadline` counts from here."""
    tries: Annotated[int, Field(ge=1)]
    """Number of attempts that did not find the data."""
    next_time: Timestamp
    """Time of the next attempt."""
    job_uid: Uid
    """UID of the last Job that did not find the data."""


class RanSpec(StatusModel):
    """Hashes of the spec, to detect later changes."""

    attempt: Digest
    """Digest of the fields that define an attempt, as the last attempt was created from them."""
    final: Annotated[str, Field(max_length=16)] = ""
    """Hash of all fields except `suspend` and `ttlSecondsAfterFinished`, at the end."""


class ArtifactStatus(StatusModel):
    """An artifact that the run reported."""

    name: Annotated[str, Field(max_length=128)]
    """Name of the artifact."""
    uri: Uri
    digest: Digest
    format: Annotated[str, Field(max_length=64)] = ""
    """Format of the artifact, e.g. `sklearn`."""
    size: int = 0
    """Size in bytes."""


class TrainingJobStatus(StatusBase):
    """Observed state of a TrainingJob."""

    attempt: int | None = None
    """Index of the current or last attempt, from 0."""
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=MAX_ATTEMPTS), ListMap("index")] = ()
    """All attempts, by index."""
    failures: Annotated[int, Field(ge=0)] = 0
    """Number of attempts that failed. `backoffLimit` limits it."""
    disruptions: Annotated[int, Field(ge=0)] = 0
    """Number of attempts that were disrupted. `disruptionLimit` limits it."""
    finished_ranks: FinishedRanks | None = None
    data_wait: DataWait | None = None
    """Wait for data. Kept until an attempt ends in another way."""
    start_time: Timestamp | None = None
    """Time at which all pods of an attempt first ran."""
    completion_time: Timestamp | None = None
    """Time at which the TrainingJob ended."""
    running_since: Timestamp | None = None
    """Start of the current period of running time. Absent while nothing runs."""
    ran_seconds: Annotated[int, Field(ge=0)] = 0
    """Running time of the periods that have ended, in seconds."""
    metrics: Annotated[dict[str, float], Field(max_length=64)] = {}
    """Metrics reported by the run."""
    counts: Annotated[dict[str, int], Field(max_length=32)] = {}
    """Counts reported by the run."""
    artifacts: Annotated[tuple[ArtifactStatus, ...], Field(max_length=8), ListMap("name")] = ()
    """Artifacts reported by the run."""
    data: Annotated[tuple[DataRead, ...], Field(max_length=16), ListMap("name")] = ()
    """Data sets that the run reported to have read."""
    report: ReportRef | None = None
    inputs_digest: Digest | None = None
    """Digest of the inputs of the last attempt that has ended: the IDs of the images that ran, command, arguments, env,
    template, replicas, parameters, seed, hold-out, the data as declared and as the run reported to have read them, and
    the content of the ConfigMaps at the start of the pod of rank 0. Equal digests mean equal inputs, except for what
    enters by name only: Secrets, volumes of the template that are no ConfigMaps, data of which the run reports no
    digest, and what a run fetches by itself. Absent while the first attempt runs, and where one of these is not known.
    """
    model_version: ObjectName | None = None
    """ModelVersion made from the result."""
    removed_folders: Annotated[tuple[PvcUri, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    """Folders of this TrainingJob whose files `spec.retention` of the Model removes or has removed."""
    ran_spec: RanSpec | None = None
    waiting: Waiting | None = None


COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
"""Condition types in addition to those of the contract, as in batch/v1."""

SPEC_CHANGE_IGNORED: Final = "SpecChangeIgnored"
"""Condition: the spec has a change that does not apply to the current or last attempt. Absent if it has none."""

TRAINING_JOB: Final = Kind(
    kind="TrainingJob",
    plural="trainingjobs",
    short_names=("tj",),
    spec=TrainingJobSpec,
    status=TrainingJobStatus,
    reasons=TrainingReason,
    description="Runs training code to completion. Its result may become a ModelVersion.",
    columns=(
        Column("Attempt", ".status.attempt", type="integer"),
        Column("Failures", ".status.failures", type="integer", wide=True),
        Column("Disruptions", ".status.disruptions", type="integer", wide=True),
        Column("Version", ".status.modelVersion"),
        Column("Model", ".spec.model", wide=True),
        Column("Image", ".spec.image", wide=True),
    ),
)
