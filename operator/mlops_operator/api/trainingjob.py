"""TrainingJob: one run of training code to its end, in one pod or several."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

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
"""Attempts that `backoffLimit` allows to fail, at most."""

MAX_DISRUPTIONS: Final = 101
"""Attempts that `disruptionLimit` allows to be disrupted, at most."""

MAX_ATTEMPTS: Final = MAX_FAILURES + MAX_DISRUPTIONS
"""Attempts there can be: each is kept in status."""


MAX_PARAMETERS_KIB: Final = 100
"""Size of all parameters as JSON that admission allows. They reach a run in one environment variable, of which Linux
takes 128 KiB; the difference is for the ways to write the same JSON."""


class TrainingJobSpec(PodSettings):
    """What is trained, from what, and within which limits.

    A change applies to the attempts that start after it. A running attempt keeps the spec that it was created from,
    unless it is suspended: then it begins anew with the changed spec when it is resumed. A TrainingJob that has ended
    is not run again. The condition `SpecChangeIgnored` is true while the spec has a change that does not apply.
    """

    rules = (
        CelRule(
            "has(self.model) == has(oldSelf.model) && (!has(self.model) || self.model == oldSelf.model)",
            "model is immutable: create another TrainingJob instead",
        ),
    )

    model: ObjectName | None = None
    """The Model that the result becomes a version of."""
    parameters: Annotated[dict[Annotated[str, Field(max_length=128)], AnyJson], Field(max_length=128)] = {}
    """Hyper-parameters: any JSON values, given to the run as `MLOPS_PARAM_<NAME>` and `MLOPS_PARAMETERS`. At most
    100 KiB as JSON, all together; put large values into a file, and name it in `data`."""
    data: Annotated[tuple[DataInput, ...], Field(max_length=16), ListMap("name")] = ()
    """Data that the run sees, read-only, and nothing else of their claims. No place that a gate of the Model uses."""
    output: Output | None = None
    """Where `model` is set the operator's artifact store by default; a run with neither keeps no artifacts."""
    task_pods: PodOptions = PodOptions()
    """The pods that verify the version made of the result: copied to `spec.taskPods` of the ModelVersion."""
    replicas: Annotated[int, Field(ge=1, le=1024)] = 1
    """Pods that run together; more than one get a stable DNS name each and `MLOPS_COORDINATOR`, and their programs
    start when all pods are there. All must find room at the same time; after half an hour the attempt fails."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    suspend: bool = False
    """Stops the pods of the running attempt, or keeps the first from starting."""
    backoff_limit: Annotated[int, Field(ge=0, le=MAX_FAILURES - 1)] = 3
    """Failed attempts that are tried again before the TrainingJob is `Failed`."""
    disruption_limit: Annotated[int, Field(ge=0, le=MAX_DISRUPTIONS - 1)] = 50
    """Attempts that are tried again because a pod was evicted, preempted or deleted, or its node was lost. They do
    not count for `backoffLimit`."""
    data_deadline: Duration = "10m"
    """How long data that are not there are waited for, from the first attempt that ended with `DataNotFound`. Until
    then such an attempt is made again and does not count as failed; `0s` waits for nothing."""
    active_deadline_seconds: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Running time, over all attempts, after which the TrainingJob fails; time in a queue does not count."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Seconds after its end at which the TrainingJob is deleted with its pods; the ModelVersion stays."""


class TrainingPhase(StrEnum):
    """One word on a TrainingJob."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    RETRYING = "Retrying"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


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
    """How an attempt ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DISRUPTED = "Disrupted"
    """A pod of it was taken away before it had ended; that says nothing about the run."""
    STOPPED = "Stopped"
    """Ended by the operator: deadline."""


class Attempt(StatusModel):
    """One attempt."""

    index: Annotated[int, Field(ge=0)]
    job: ObjectName
    generation: Annotated[int, Field(ge=0)]
    """The generation of the spec it ran with."""
    output: PvcUri | None = None
    """Its folder in the artifact store; absent if it keeps nothing."""
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    outcome: AttemptOutcome | None = None
    reason: Annotated[str, Field(max_length=128)] = ""
    message: Text = ""
    exit_code: int | None = None


class FinishedRanks(StatusModel):
    """What is kept of ranks that ended well while others of their attempt run on: their pods may be gone at its end."""

    attempt: Annotated[int, Field(ge=0)]
    indexes: LongText
    """The ranks, as batch/v1 writes indexes: `0,2-4`."""
    result: LongText = ""
    """What rank 0 reported."""
    image: Annotated[str, Field(max_length=1024)] = ""
    """The image that rank 0 ran, as the container runtime identifies it."""
    image_name: Annotated[str, Field(max_length=1024)] = ""
    """The same as the spec names it."""
    inputs_digest: Digest | None = None
    """Digest of the attempt's inputs."""


class DataWait(StatusModel):
    """The wait for data that are not there."""

    since: Timestamp
    """End of the first attempt that did not find them; `dataDeadline` counts from here."""
    tries: Annotated[int, Field(ge=1)]
    """How often they were looked for in vain."""
    next_time: Timestamp
    """When they are looked for again."""
    job_uid: Uid
    """The last Job that did not find them."""


class RanSpec(StatusModel):
    """Hashes of the spec, by which a later change of it is noticed."""

    attempt: Digest
    """Digest of the fields that decide what an attempt is, as the last attempt was created from them."""
    final: Annotated[str, Field(max_length=16)] = ""
    """Hash of all fields but `suspend` and `ttlSecondsAfterFinished`, at the end."""


class ArtifactStatus(StatusModel):
    """An artifact that the run reported."""

    name: Annotated[str, Field(max_length=128)]
    uri: Uri
    digest: Digest
    format: Annotated[str, Field(max_length=64)] = ""
    size: int = 0


class TrainingJobStatus(StatusBase):
    """What became of it."""

    attempt: int | None = None
    """Index of the current or last attempt, from 0."""
    attempts: Annotated[tuple[Attempt, ...], Field(max_length=MAX_ATTEMPTS), ListMap("index")] = ()
    failures: Annotated[int, Field(ge=0)] = 0
    """Attempts that failed; `backoffLimit` counts them."""
    disruptions: Annotated[int, Field(ge=0)] = 0
    """Attempts that were disrupted; `disruptionLimit` counts them."""
    finished_ranks: FinishedRanks | None = None
    data_wait: DataWait | None = None
    """Set while data are waited for; kept until an attempt ends in another way."""
    start_time: Timestamp | None = None
    """When all pods of an attempt first ran."""
    completion_time: Timestamp | None = None
    running_since: Timestamp | None = None
    """When the present stretch of running time began; absent while nothing runs."""
    ran_seconds: Annotated[int, Field(ge=0)] = 0
    """Running time of the stretches that have ended."""
    metrics: Annotated[dict[str, float], Field(max_length=64)] = {}
    counts: Annotated[dict[str, int], Field(max_length=32)] = {}
    artifacts: Annotated[tuple[ArtifactStatus, ...], Field(max_length=8), ListMap("name")] = ()
    data: Annotated[tuple[DataRead, ...], Field(max_length=16), ListMap("name")] = ()
    report: ReportRef | None = None
    inputs_digest: Digest | None = None
    """Digest of the inputs of the last attempt that has ended: the IDs of the images that ran, command, arguments, env,
    template, replicas, parameters, seed, hold-out, the data as declared and as the run reported to have read them, and
    the content of the ConfigMaps at the start of the pod of rank 0. Equal digests mean equal inputs, except for what
    enters by name only: Secrets, volumes of the template that are no ConfigMaps, data of which the run reports no
    digest, and what a run fetches by itself. Absent while the first attempt runs, and where one of these is not known.
    """
    model_version: ObjectName | None = None
    """The ModelVersion made of the result."""
    removed_folders: Annotated[tuple[PvcUri, ...], Field(max_length=MAX_ATTEMPTS)] = ()
    """Folders of this TrainingJob whose files `spec.retention` of the Model removes or has removed."""
    ran_spec: RanSpec | None = None
    waiting: Waiting | None = None


COMPLETE: Final = "Complete"
FAILED: Final = "Failed"
"""Condition types beside the contract's, as batch/v1 has them."""

SPEC_CHANGE_IGNORED: Final = "SpecChangeIgnored"
"""Condition: the spec has a change that does not apply to what runs or has run; absent where it has none."""

TRAINING_JOB: Final = Kind(
    kind="TrainingJob",
    plural="trainingjobs",
    short_names=("tj",),
    spec=TrainingJobSpec,
    status=TrainingJobStatus,
    reasons=TrainingReason,
    description="One run of training code to its end; its result may become a ModelVersion.",
    columns=(
        Column("Attempt", ".status.attempt", type="integer"),
        Column("Failures", ".status.failures", type="integer", wide=True),
        Column("Disruptions", ".status.disruptions", type="integer", wide=True),
        Column("Version", ".status.modelVersion"),
        Column("Model", ".spec.model", wide=True),
        Column("Image", ".spec.image", wide=True),
    ),
)
