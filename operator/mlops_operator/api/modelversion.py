# SPDX-License-Identifier: Apache-2.0
"""ModelVersion: one artifact, pinned by digest, with its lineage."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
from mlops_operator.api.common import ArtifactRef, DataInput, PodOptions, StatusBase, Waiting
from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.metrics import MetricName
from mlops_operator.api.schema import (
    AnyJson,
    CelRule,
    Digest,
    Image,
    ListMap,
    ObjectName,
    PvcUri,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
    unchanged,
)

MAX_GATE_RESULTS: Final = 32
"""Gate results that a ModelVersion keeps: of each gate the latest `Fail` while it rejects, of the others the latest."""


class ModelArtifact(SpecModel):
    """The file or folder of a model, pinned by digest."""

    uri: PvcUri
    digest: Digest
    format: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][-a-z0-9.]*$")]
    """Format of the artifact, e.g. `sklearn`. It selects the serving runtime."""
    size: Annotated[int, Field(ge=0)] = 0
    """Size in bytes."""


class TrainedBy(SpecModel):
    """The TrainingJob that produced the version."""

    name: ObjectName
    uid: Annotated[str, Field(max_length=64)]
    """UID of the TrainingJob."""
    spec_digest: Digest | None = None
    """Digest of the spec that the run was started with, without its limits and `suspend`. A TrainingJob with this name
    and spec that has no status, as after a restore, does not run again."""


class Lineage(SpecModel):
    """Origin of a version."""

    training_job: TrainedBy | None = None
    image: Image | None = None
    """Image that the main container ran, as the container runtime identifies it: `<repository>@sha256:<digest>`, or
    `sha256:<digest>` of an image that was loaded into the node. Absent if the pod status did not have it."""
    image_name: Image | None = None
    """Image as named in the TrainingJob."""
    environment: ArtifactRef | None = None
    """List of the Python packages of the run with their versions, as reported by the run. The SDK writes it next to
    the artifact."""
    parameters: Annotated[dict[Annotated[str, Field(max_length=128)], AnyJson], Field(max_length=128)] = {}
    """Parameters of the run."""
    data: Annotated[tuple[DataInput, ...], Field(max_length=16), ListMap("name")] = ()
    """Data sets that the run read."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Random seed of the run."""
    metrics: Annotated[dict[Annotated[str, Field(max_length=128)], float], Field(max_length=64)] = {}
    """Metrics reported by the training. Gates do not use them."""
    inputs_digest: Digest | None = None
    """`status.inputsDigest` of the TrainingJob. Equal digests mean equal inputs."""


class ModelVersionSpec(SpecModel):
    """Desired state of a ModelVersion. Immutable, except for `taskPods`."""

    rules = (
        CelRule(
            unchanged("model", "artifact", "goldenRequests", "trainingRows", "lineage"),
            "spec is immutable, except for taskPods: create another object instead",
        ),
    )

    model: ObjectName
    """Name of the Model."""
    artifact: ModelArtifact
    golden_requests: ArtifactRef | None = None
    """Golden requests: requests with the answers that the model gave when it was trained. They are sent again before
    a server of the version gets traffic."""
    training_rows: ArtifactRef | None = None
    """Hashes of the training rows. A gate compares them with its own rows."""
    lineage: Lineage = Lineage()
    task_pods: PodOptions = PodOptions()
    """Settings of the pods that verify the artifact. A change applies to the next pod, and to one that cannot start."""


class ModelVersionPhase(StrEnum):
    """Summary of the current state of a ModelVersion."""

    PENDING = "Pending"
    """`Pending` is set before the verification of the artifact starts."""
    VERIFYING = "Verifying"
    """`Verifying` is set while the digest of the artifact is verified."""
    READY = "Ready"
    """`Ready` is set when the artifact has been verified."""
    REJECTED = "Rejected"
    """`Rejected` is set when the version failed a gate."""
    FAILED = "Failed"
    """`Failed` is set when the artifact is missing, corrupt or cannot be verified."""
    REMOVING = "Removing"
    """`Removing` is set when the retention policy of the Model is about to remove the artifact."""
    REMOVED = "Removed"
    """`Removed` is set when the retention policy of the Model has removed the artifact, or is removing it."""


class ModelVersionReason(StrEnum):
    """Reasons of a ModelVersion's conditions."""

    VERIFYING = "Verifying"
    """`Verifying` is set while the artifact is read and its digest is computed."""
    VERIFIED = "Verified"
    """`Verified` is set when the artifact exists and has its digest."""
    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    ARTIFACT_NOT_FOUND = reasons.ARTIFACT_NOT_FOUND
    ARTIFACT_CORRUPT = reasons.ARTIFACT_CORRUPT
    VERIFICATION_FAILED = "VerificationFailed"
    """`VerificationFailed` is set when the check itself failed."""
    RETRYING = reasons.RETRYING
    NODE_LOST = reasons.NODE_LOST
    SIDECAR_RUNNING = reasons.SIDECAR_RUNNING
    IMAGE_UNAVAILABLE = reasons.IMAGE_UNAVAILABLE
    VOLUME_NOT_FOUND = reasons.VOLUME_NOT_FOUND
    CONFIG_UNAVAILABLE = reasons.CONFIG_UNAVAILABLE
    RUNS_AS_ROOT = reasons.RUNS_AS_ROOT
    UNSCHEDULABLE = reasons.UNSCHEDULABLE
    POD_PENDING = reasons.POD_PENDING
    INVALID_SPEC = reasons.INVALID_SPEC
    INVALID_POD_TEMPLATE = reasons.INVALID_POD_TEMPLATE
    FORBIDDEN = reasons.FORBIDDEN
    REFUSED = reasons.REFUSED
    TOO_LARGE = reasons.TOO_LARGE
    NAME_TAKEN = reasons.NAME_TAKEN
    REMOVAL_PENDING = "RemovalPending"
    """`RemovalPending` is set when `spec.retention` of the Model is about to remove the artifact. Nothing new uses
    it."""
    ARTIFACT_REMOVED = reasons.ARTIFACT_REMOVED
    GATE_FAILED = reasons.GATE_FAILED
    NOT_REJECTED = "NotRejected"
    """`NotRejected` is set as the reason of `Rejected` when no gate stands against the version."""


REJECTED: Final = "Rejected"
"""Condition: the version failed a gate, and has not passed it on newer rows since; nothing automatic deploys it."""


class DeployedIn(StatusModel):
    """A ModelDeployment that serves the version."""

    name: ObjectName
    role: Annotated[str, Field(max_length=16)]
    """Role of the version in the deployment: `Stable` or `Candidate`."""


class GateFigure(StatusModel):
    """The value of one metric over all rows of a gate."""

    name: Annotated[str, Field(max_length=40)]
    """Name of the metric."""
    value: float
    """Value of the metric."""
    n: Annotated[int, Field(ge=1)]
    """Number of labeled rows."""
    rarest_class: Annotated[int, Field(ge=0)] | None = None
    """Number of labeled rows of the rarest class."""


class GateResult(StatusModel):
    """The result of one gate, recorded from its Evaluation.

    It is kept after the Evaluation and the Promotion are deleted, so that deleting them gives no second measurement.
    """

    gate: Annotated[str, Field(max_length=16)]
    """Hash of the Model, the alias, and what the gate measures."""
    alias: ShortName
    data: Digest | None = None
    """Digest of the rows. Absent if the run did not report one."""
    digest: Digest
    """Digest of the artifact that was measured."""
    verdict: Verdict
    message: Text = ""
    """Rules that decided, with their figures."""
    evaluation: ObjectName
    evaluation_uid: Uid
    promotion: ObjectName
    promotion_uid: Uid
    time: Timestamp
    """Time of the result."""
    rows: Annotated[int, Field(ge=0)] | None = None
    """Number of labeled rows that were measured."""
    newest_row: Timestamp | None = None
    """Time of the newest row, if the gate measures recent rows."""
    recent_after: Timestamp | None = None
    """Time of the newest row by which this gate measured the artifact before. At least `minCount` labeled rows were
    newer. A `Pass` ends the rejections by this gate on rows up to this time."""
    figures: Annotated[tuple[GateFigure, ...], Field(max_length=len(MetricName)), ListMap("name")] = ()
    """The version's values over all rows. A ModelMonitor compares the first windows of a version with them. Absent if
    the gate sets `columns.group`: how certain they are does not follow from the number of rows."""


class ModelVersionStatus(StatusBase):
    """Observed state of a ModelVersion."""

    version: Annotated[int, Field(ge=1)] | None = None
    """Number of the version, assigned by the Model."""
    aliases: Annotated[tuple[ShortName, ...], Field(max_length=8)] = ()
    """Aliases that point at the version."""
    deployed_in: Annotated[tuple[DeployedIn, ...], Field(max_length=32), ListMap("name")] = ()
    """ModelDeployments that serve the version."""
    job: ObjectName | None = None
    """The Job that verifies the artifact."""
    attempts: Annotated[int, Field(ge=0)] = 0
    """Number of verifications that have failed so far."""
    failed_at: Timestamp | None = None
    """Time at which the last verification failed. The next one begins after a delay that doubles each time."""
    verified_at: Timestamp | None = None
    """Time at which the artifact was verified."""
    run_folder: PvcUri | None = None
    """Folder of the TrainingJob that wrote the artifact. It is set if, when the artifact was verified or the Model had
    `spec.retention`, that TrainingJob had this version as its result and the artifact was in its folder. Only such
    files are removed by `spec.retention` of the Model."""
    waiting: Waiting | None = None
    gates: Annotated[tuple[GateResult, ...], Field(max_length=MAX_GATE_RESULTS)] = ()
    """Results of the gates that measured this version, in the order in which they were recorded."""


MODEL_VERSION: Final = Kind(
    kind="ModelVersion",
    plural="modelversions",
    short_names=("mv",),
    spec=ModelVersionSpec,
    status=ModelVersionStatus,
    reasons=ModelVersionReason,
    description="One model artifact, pinned by digest, with its lineage.",
    columns=(
        Column("Version", ".status.version", type="integer"),
        Column("Model", ".spec.model"),
        Column("Aliases", ".status.aliases"),
        Column("Format", ".spec.artifact.format", wide=True),
        Column("URI", ".spec.artifact.uri", wide=True),
    ),
)
