# SPDX-License-Identifier: Apache-2.0
"""ModelDeployment: serves a model version over the Open Inference Protocol and rolls out new versions."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_contract import limits
from mlops_operator.api import reasons
from mlops_operator.api.common import EnvVar, PodOptions, PodTemplate, Resources, StatusBase, Waiting
from mlops_operator.api.kind import Column, Kind, Scale
from mlops_operator.api.meta import PREFIX
from mlops_operator.api.modelserver import Autoscaling, Runtime
from mlops_operator.api.schema import (
    CelRule,
    Digest,
    Duration,
    Image,
    ListMap,
    ObjectName,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
)


class ServedModel(SpecModel):
    """The version that is served."""

    rules = (CelRule("has(self.alias) != has(self.version)", "model: set exactly one of alias and version"),)

    name: ObjectName
    """Name of the Model. It is also the model name in the inference protocol."""
    alias: ShortName | None = None
    """Alias to follow. A rollout begins when it moves."""
    version: ObjectName | None = None
    """Name of the ModelVersion to serve."""


RESTARTED_AT: Final = PREFIX + "restartedAt"
"""Annotation of a ModelDeployment: a new value creates a new revision of the same version and settings."""

MAX_WEIGHT: Final = 50
"""Maximum weight of a step in percent. The stable version keeps all its replicas until the candidate has as
many, so that a stop costs no capacity; beyond half the replicas the next step is promotion."""


class Step(SpecModel):
    """A step of a canary rollout."""

    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)]
    """Share of all ready replicas that the candidate gets, in percent, rounded up to whole replicas. They are added
    to the replicas of the stable version."""
    pause: Duration = "30s"
    """Time for which the candidate must stay ready at this step, without a restart."""


class GoldenCheck(SpecModel):
    """Limits for the answers to the golden requests."""

    rules = (
        CelRule(
            "!has(self.maxLatency) || duration(self.maxLatency) >= duration('1s')",
            "golden: maxLatency must be at least 1s",
        ),
    )

    tolerance: Annotated[float, Field(ge=0, le=limits.MAX_TOLERANCE)] = limits.TOLERANCE
    """Maximum relative difference of a number."""
    max_latency: Duration = "5s"
    """Maximum time for one answer."""


class Rollout(SpecModel):
    """Strategy for replacing the served version."""

    rules = (
        CelRule(
            "!has(self.progressDeadline) || duration(self.progressDeadline) >= duration('10s')",
            "rollout: progressDeadline must be at least 10s",
        ),
    )

    steps: Annotated[tuple[Step, ...], Field(max_length=16)] = (Step(weight=25),)
    """Canary steps. An empty list replaces the version at once, after the candidate is ready and has passed its
    golden-request check."""
    golden: GoldenCheck = GoldenCheck()
    progress_deadline: Duration = "10m"
    """Time limit for a candidate to become ready in each phase and step. A candidate that exceeds it is stopped. A
    first version has no version to fall back on: it is reported as stalled and may still recover."""
    bake: Duration = "60s"
    """Time for which the former revision keeps its pods after the hand-over. It takes over again when the new
    revision has fewer ready replicas than it needs. The pods of a failed node count as ready until the node monitor
    grace period is over, 50s by default: a shorter bake does not cover that. `0s` deletes the former revision at
    once."""


class ModelDeploymentSpec(SpecModel):
    """Desired state of a ModelDeployment: model, server, replicas and rollout.

    The annotation `mlops-operator.io/restartedAt` of the ModelDeployment rolls out the same version and settings with
    new pods, for instance after a ConfigMap or a Secret that the pods read has changed.
    """

    rules = (
        CelRule("!(has(self.replicas) && has(self.autoscaling))", "set replicas or autoscaling, not both"),
        CelRule(
            "!has(self.autoscaling) || (has(self.autoscaling.metrics) && size(self.autoscaling.metrics) > 0)"
            " || (has(self.resources) && has(self.resources.requests) && 'cpu' in self.resources.requests)",
            "autoscaling: set metrics, or resources.requests.cpu, of which the default metric takes 80 %",
        ),
    )

    model: ServedModel
    runtime: Runtime = Runtime()
    replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of replicas. Default: 1. At 0 no server runs, and a new version waits until the number is changed."""
    autoscaling: Autoscaling | None = None
    rollout: Rollout = Rollout()
    resources: Resources = Resources()
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), ListMap("name")] = ()
    """Environment variables of the server."""
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    """Labels that a node must have for the pods to run on it."""
    template: PodTemplate = PodTemplate()
    """Pod template merged into the pods. The container of the server is called `main`."""
    task_pods: PodOptions = PodOptions()
    """Settings of the pods that run the golden-request check. They are not part of the revision: a change replaces no
    server."""


class DeploymentPhase(StrEnum):
    """Summary of the current state of a ModelDeployment."""

    PENDING = "Pending"
    """`Pending` is set while no version is served yet."""
    STABLE = "Stable"
    """`Stable` is set when the desired version is served."""
    ROLLING_OUT = "RollingOut"
    """`RollingOut` is set while a candidate replaces the stable version."""
    DEGRADED = "Degraded"
    """`Degraded` is set when a candidate was stopped, or no replica of the stable version is ready. The condition
    `Degraded` is true in this phase only."""
    FAILED = "Failed"
    """`Failed` is set when no version can be served."""


class CandidatePhase(StrEnum):
    """Progress of a candidate."""

    STARTING = "Starting"
    """`Starting` is set while the first pod loads the model. The candidate gets no traffic."""
    CHECKING = "Checking"
    """`Checking` is set while the golden-request check runs."""
    STEPPING = "Stepping"
    """`Stepping` is set while the candidate has a share of the traffic."""
    PROMOTING = "Promoting"
    """`Promoting` is set while all replicas are created, before the candidate becomes the stable version."""


class DeploymentReason(StrEnum):
    """Reasons of a ModelDeployment's conditions."""

    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    ALIAS_NOT_FOUND = reasons.ALIAS_NOT_FOUND
    ALIAS_UNSET = reasons.ALIAS_UNSET
    """The object is `Ready` with `ModelLoaded=False`, or `Reconciling` while the Model is `Bootstrapping`."""
    MODEL_VERSION_NOT_FOUND = reasons.MODEL_VERSION_NOT_FOUND
    MODEL_VERSION_NOT_READY = reasons.MODEL_VERSION_NOT_READY
    MODEL_MISMATCH = reasons.MODEL_MISMATCH
    NO_RUNTIME = "NoRuntime"
    """`NoRuntime` is set when no entry of the runtime table serves the format of the version."""
    INVALID_SPEC = reasons.INVALID_SPEC
    INVALID_AUTOSCALING = "InvalidAutoscaling"
    """`InvalidAutoscaling` is set when the API server refuses the HorizontalPodAutoscaler as invalid."""
    INVALID_POD_TEMPLATE = reasons.INVALID_POD_TEMPLATE
    FORBIDDEN = reasons.FORBIDDEN
    REFUSED = reasons.REFUSED
    TOO_LARGE = reasons.TOO_LARGE
    NAME_TAKEN = reasons.NAME_TAKEN
    LOADING = "Loading"
    """`Loading` is set while no version serves yet: the first one starts or is being checked."""
    SERVING = "Serving"
    """`Serving` is set when the wanted version serves."""
    SCALED_TO_ZERO = "ScaledToZero"
    """`ScaledToZero` is set when no replica is wanted."""
    ROLLING_OUT = reasons.ROLLING_OUT
    REPLICAS_UNAVAILABLE = "ReplicasUnavailable"
    """`ReplicasUnavailable` is set when the stable revision has fewer ready replicas than it needs."""
    CANDIDATE_STOPPED = "CandidateStopped"
    """`CandidateStopped` is set when a candidate failed and was removed. The stable version continues to serve."""
    MODEL_LOAD_FAILED = "ModelLoadFailed"
    """`ModelLoadFailed` is set when the server reports that it cannot load the artifact."""
    SERVER_CRASHED = "ServerCrashed"
    """`ServerCrashed` is set when a container of a server's pod ended by itself repeatedly."""
    INIT_CONTAINER_FAILED = "InitContainerFailed"
    """`InitContainerFailed` is set when an init container of the template fails. The kubelet runs it again until
    `progressDeadline`."""
    ARTIFACT_CORRUPT = reasons.ARTIFACT_CORRUPT
    ARTIFACT_NOT_FOUND = reasons.ARTIFACT_NOT_FOUND
    FETCH_FAILED = "FetchFailed"
    """`FetchFailed` is set when the artifact could not be brought into the pod, for another cause than
    `ArtifactNotFound` and `ArtifactCorrupt`."""
    GOLDEN_REQUESTS_FAILED = "GoldenRequestsFailed"
    """`GoldenRequestsFailed` is set when golden requests were answered wrongly, not at all, or too slowly."""
    GOLDEN_CHECK_FAILED = "GoldenCheckFailed"
    """`GoldenCheckFailed` is set when the golden requests could not be sent."""
    CANDIDATE_UNAVAILABLE = "CandidateUnavailable"
    """`CandidateUnavailable` is set when the new revision had fewer ready replicas than it needs during
    `spec.rollout.bake`. It is tried again."""
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    """`ProgressDeadlineExceeded` is set when a candidate was not ready within `progressDeadline`."""
    RETRYING = reasons.RETRYING
    IMAGE_UNAVAILABLE = reasons.IMAGE_UNAVAILABLE
    VOLUME_NOT_FOUND = reasons.VOLUME_NOT_FOUND
    CONFIG_UNAVAILABLE = reasons.CONFIG_UNAVAILABLE
    RUNS_AS_ROOT = reasons.RUNS_AS_ROOT
    UNSCHEDULABLE = reasons.UNSCHEDULABLE
    POD_PENDING = reasons.POD_PENDING
    NODE_LOST = reasons.NODE_LOST
    SIDECAR_RUNNING = reasons.SIDECAR_RUNNING
    BAKING = "Baking"
    """`Baking` is set while the candidate waits until `spec.rollout.bake` of the stable revision is over."""
    UP_TO_DATE = "UpToDate"
    """`UpToDate` is set as the reason of `Progressing` when no candidate is being rolled out."""
    NOT_DEGRADED = "NotDegraded"
    """`NotDegraded` is set as the reason of `Degraded` when nothing degrades the service."""


PROGRESSING: Final = "Progressing"
MODEL_LOADED: Final = "ModelLoaded"
DEGRADED: Final = "Degraded"
"""Condition types in addition to those of the contract."""


class GoldenStatus(StatusModel):
    """Result of the golden-request check of a revision."""

    job: ObjectName | None = None
    """Job of the check. It is deleted an hour after its end."""
    passed: bool | None = None
    """Whether the check passed. Absent while it runs, and if the version has no golden requests."""
    message: Text = ""
    """Figures of the check."""


class Revision(StatusModel):
    """A version with its server and pod settings."""

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest
    """Digest of the artifact of the version."""
    revision: Annotated[str, Field(max_length=16)]
    """Hash of all settings that determine the pods."""
    deployment: ObjectName
    server_image: Image | None = None
    """Image of the model server: that of `spec.template` if it has one for the container `main`. Kept until the
    version or its pod settings change, also by a newer operator."""
    golden: GoldenStatus | None = None


class RevisionStatus(Revision):
    """A version as it is served."""

    replicas: Annotated[int, Field(ge=0)] = 0
    """Number of replicas."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """Number of ready replicas."""


class FormerRevision(Revision):
    """Revision that was stable before the current one. Its pods are kept for `spec.rollout.bake`, without traffic."""

    handed_over_at: Timestamp
    """Time at which the stable revision took over from it."""
    retries: Annotated[int, Field(ge=0)] = 0
    """`retries` of the candidate that took over."""


class CandidateStatus(RevisionStatus):
    """Version that is being rolled out."""

    phase: CandidatePhase
    step: Annotated[int, Field(ge=0)] = 0
    """Index of the current step."""
    started_at: Timestamp
    """Time at which it became the candidate."""
    since: Timestamp
    """Time at which the current phase or step began, or at which its replicas were last ready."""
    ready_since: Timestamp | None = None
    """Time since which all replicas of the current step are ready without a restart. The pause counts from here."""
    recheck_job: ObjectName | None = None
    """Job that checks every pod again before the current step or phase ends."""
    unready_seconds: Annotated[int, Field(ge=0)] = 0
    """Time in seconds for which not all replicas were ready in the current phase or step before `since`.
    `progressDeadline` applies to the sum."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """Number of restarts of all containers of its servers when the status was written."""
    retries: Annotated[int, Field(ge=0)] = 0
    """Number of retries of the revision after it was stopped, see `status.stopped.retryAt`."""


class StoppedCandidate(StatusModel):
    """A candidate that was stopped.

    The same revision is not retried until another revision has been the target: another version,
    or other pod settings (an annotation under `template.metadata.annotations` is enough). The exceptions are a
    revision that was stopped as `CandidateUnavailable`, and one that was stopped because a connection could not be
    made: both are retried at `retryAt`.
    """

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest
    """Digest of the artifact of the version."""
    revision: Annotated[str, Field(max_length=16)]
    """Hash of all settings that determine the pods."""
    reason: Annotated[str, Field(max_length=128)]
    """Reason in CamelCase."""
    message: Text = ""
    """Explanation of the reason."""
    at: Timestamp
    """Time at which the candidate was stopped."""
    retries: Annotated[int, Field(ge=0)] = 0
    """`retries` of the candidate."""
    retry_at: Timestamp | None = None
    """Time of the next retry. Absent if there is none."""


class Weights(StatusModel):
    """Share of the traffic that the candidate gets, in percent."""

    desired: Annotated[int, Field(ge=0, le=100)]
    """Share that the step specifies."""
    achieved: Annotated[int, Field(ge=0, le=100)]
    """Share that the ready replicas give."""


class ModelDeploymentStatus(StatusBase):
    """Observed state of a ModelDeployment."""

    stable: RevisionStatus | None = None
    candidate: CandidateStatus | None = None
    former: FormerRevision | None = None
    """Present until `spec.rollout.bake` is over."""
    stopped: StoppedCandidate | None = None
    serving_since: Timestamp | None = None
    """Time at which the first version began to serve. It does not change when another version takes over."""
    weights: Weights | None = None
    url: Annotated[str, Field(max_length=512)] | None = None
    """Base URL inside the cluster. Send predictions to `/v2/models/<model>/infer`."""
    example: Annotated[str, Field(max_length=2048)] | None = None
    """Shell commands that send a request from outside the cluster, with `kubectl port-forward` and curl. The request
    has one row of zeros, or of two features with servers other than the default one: replace `shape` and `data`."""
    selector: Annotated[str, Field(max_length=512)] | None = None
    """Label selector of the server pods, for the scale subresource."""
    replicas: Annotated[int, Field(ge=0)] = 0
    """Number of replicas."""
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    """Number of ready replicas."""
    waiting: Waiting | None = None


MODEL_DEPLOYMENT: Final = Kind(
    kind="ModelDeployment",
    plural="modeldeployments",
    short_names=("mdep",),
    spec=ModelDeploymentSpec,
    status=ModelDeploymentStatus,
    reasons=DeploymentReason,
    description="Serves a model version over the Open Inference Protocol and rolls out new versions.",
    columns=(
        Column("Stable", ".status.stable.version"),
        Column("Candidate", ".status.candidate.version"),
        Column("Weight", ".status.weights.achieved", type="integer"),
        Column("Replicas", ".status.readyReplicas", type="integer"),
        Column("URL", ".status.url", wide=True),
    ),
    scale=Scale(".spec.replicas", ".status.replicas", ".status.selector"),
)
