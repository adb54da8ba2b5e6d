"""ModelDeployment: a model version served over the Open Inference Protocol, and how the next one replaces it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api import reasons
from mlops_operator.api.common import EnvVar, PodOptions, PodTemplate, Resources, StatusBase, Waiting
from mlops_operator.api.kind import Column, Kind, Scale
from mlops_operator.api.meta import PREFIX
from mlops_operator.api.schema import (
    AnyObject,
    CelRule,
    Digest,
    Duration,
    Image,
    ListMap,
    LongText,
    ObjectName,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    Uid,
)


class ServedModel(SpecModel):
    """Which version is served."""

    rules = (CelRule("has(self.alias) != has(self.version)", "model: set exactly one of alias and version"),)

    name: ObjectName
    """The Model; its name is also the model's name in the inference protocol."""
    alias: ShortName | None = None
    """Follow this alias: when it moves, a rollout begins."""
    version: ObjectName | None = None
    """Serve this ModelVersion."""


class CustomServer(SpecModel):
    """A model server of your own.

    It speaks the Open Inference Protocol (V2 REST), finds the model in the folder `MLOPS_MODEL_DIR`
    and serves it under `MLOPS_MODEL_NAME` on the given port. `MLOPS_MODEL_VERSION` names the ModelVersion.
    The operator does not bound its requests in size or time.
    """

    image: Image
    command: Annotated[tuple[LongText, ...], Field(max_length=64)] = ()
    args: Annotated[tuple[LongText, ...], Field(max_length=128)] = ()
    port: Annotated[int, Field(ge=1, le=65535)] = 8080


class Runtime(SpecModel):
    """What serves the model. By default the runtime table chooses by the artifact's format."""

    rules = (CelRule("!(has(self.name) && has(self.custom))", "runtime: set name or custom, not both"),)

    name: ShortName | None = None
    """An entry of the operator's runtime table, e.g. `kserve-sklearn`."""
    custom: CustomServer | None = None


class Autoscaling(SpecModel):
    """A HorizontalPodAutoscaler (autoscaling/v2) on the stable version."""

    rules = (CelRule("self.minReplicas <= self.maxReplicas", "autoscaling: minReplicas must not exceed maxReplicas"),)

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    metrics: Annotated[tuple[AnyObject, ...], Field(max_length=8)] = ()
    """autoscaling/v2 MetricSpecs; 80 % of the requested CPU by default."""
    behavior: AnyObject | None = None
    """autoscaling/v2 behavior, all of it."""


RESTARTED_AT: Final = PREFIX + "restartedAt"
"""Annotation of a ModelDeployment: another value makes another revision of the same version and settings."""

MAX_WEIGHT: Final = 50
"""Largest weight of a step. The stable version keeps all its replicas until the candidate has as
many, so that a stop costs no capacity; beyond half the replicas the next step is promotion."""


class Step(SpecModel):
    """One step of a canary."""

    weight: Annotated[int, Field(ge=1, le=MAX_WEIGHT)]
    """Share of all ready replicas that the candidate gets, in per cent, rounded up to whole replicas.
    They are added to the stable version's, which keeps its own."""
    pause: Duration = "30s"
    """How long the candidate must hold at this step, ready and without a restart."""


class GoldenCheck(SpecModel):
    """Limits for the answers to the golden requests."""

    rules = (
        CelRule(
            "!has(self.maxLatency) || duration(self.maxLatency) >= duration('1s')",
            "golden: maxLatency must be at least 1s",
        ),
    )

    tolerance: Annotated[float, Field(ge=0, le=1)] = 1e-6
    """Largest relative difference of a number."""
    max_latency: Duration = "5s"


class Rollout(SpecModel):
    """How a new version takes over."""

    rules = (
        CelRule(
            "!has(self.progressDeadline) || duration(self.progressDeadline) >= duration('10s')",
            "rollout: progressDeadline must be at least 10s",
        ),
    )

    steps: Annotated[tuple[Step, ...], Field(max_length=16)] = (Step(weight=25),)
    """No steps: all at once, once the candidate is ready and has answered its golden requests."""
    golden: GoldenCheck = GoldenCheck()
    progress_deadline: Duration = "10m"
    """Time within which a candidate must become ready in each phase and step; then it is stopped.
    A first version, with nothing to fall back on, is reported as stalled but left to mend itself."""
    bake: Duration = "60s"
    """Time for which the former revision keeps its pods after the hand-over. It takes the requests back when the new
    revision has fewer ready replicas than it needs. The pods of a node that has failed count as ready until the node
    monitor grace period is over, 50s by default: a shorter bake does not cover that. `0s` deletes the former revision
    at once."""


class ModelDeploymentSpec(SpecModel):
    """What is served, by what, with how many replicas, and how it changes.

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
    """1 by default. At 0 nothing runs, and a new version waits until there are replicas again."""
    autoscaling: Autoscaling | None = None
    rollout: Rollout = Rollout()
    resources: Resources = Resources()
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), ListMap("name")] = ()
    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=32)] = {}
    template: PodTemplate = PodTemplate()
    """Merged into the pods; the server's container is called `main`."""
    task_pods: PodOptions = PodOptions()
    """The pods that ask a candidate its golden requests. No part of the revision: a change replaces no server."""


class DeploymentPhase(StrEnum):
    """One word on a ModelDeployment."""

    PENDING = "Pending"
    """Nothing is served yet."""
    STABLE = "Stable"
    ROLLING_OUT = "RollingOut"
    DEGRADED = "Degraded"
    """A candidate was stopped, or no replica of the stable version is ready. The condition `Degraded` is true in this
    phase and in no other."""
    FAILED = "Failed"


class CandidatePhase(StrEnum):
    """How far a candidate is."""

    STARTING = "Starting"
    """Its first pod loads the model; it gets no traffic."""
    CHECKING = "Checking"
    """Golden requests."""
    STEPPING = "Stepping"
    """It has a share of the traffic."""
    PROMOTING = "Promoting"
    """All replicas are made; then it is the stable version."""


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
"""Condition types beside the contract's."""


class GoldenStatus(StatusModel):
    """What came of a revision's golden requests."""

    job: ObjectName | None = None
    """The Job that asks them; it goes an hour after its end."""
    passed: bool | None = None
    """Absent while they are asked, and where the version has none."""
    message: Text = ""
    """The figures."""


class Revision(StatusModel):
    """Model, server and pod settings together."""

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest
    revision: Annotated[str, Field(max_length=16)]
    """Hash over all that makes its pods what they are."""
    deployment: ObjectName
    server_image: Image | None = None
    """The image that the model server runs: that of `spec.template` where it has one for the container `main`. Kept
    until the version or its pods' settings change, also by a newer operator."""
    golden: GoldenStatus | None = None


class RevisionStatus(Revision):
    """A version as it is served."""

    replicas: Annotated[int, Field(ge=0)] = 0
    ready_replicas: Annotated[int, Field(ge=0)] = 0


class FormerRevision(Revision):
    """The revision that served before the stable one: its pods are kept for `spec.rollout.bake`, without requests."""

    handed_over_at: Timestamp
    """When the stable revision took over from it."""
    retries: Annotated[int, Field(ge=0)] = 0
    """`retries` of the candidate that took over."""


class CandidateStatus(RevisionStatus):
    """The version that is on its way in."""

    phase: CandidatePhase
    step: Annotated[int, Field(ge=0)] = 0
    """Index of the present step."""
    started_at: Timestamp
    """When it became the candidate."""
    since: Timestamp
    """When the present phase or step began, or its replicas were last ready."""
    ready_since: Timestamp | None = None
    """Since when all replicas of the present step are ready without a restart; the pause counts from here."""
    recheck_job: ObjectName | None = None
    """The Job that asks every pod once more before the present step or phase ends."""
    unready_seconds: Annotated[int, Field(ge=0)] = 0
    """How long not all replicas were ready in the present phase or step before `since`; `progressDeadline` is of the
    sum."""
    restarts: Annotated[int, Field(ge=0)] = 0
    """Restarts of all its servers' containers when the status was written."""
    retries: Annotated[int, Field(ge=0)] = 0
    """How often the revision has been tried again after it was stopped; see `status.stopped.retryAt`."""


class StoppedCandidate(StatusModel):
    """A candidate that was stopped.

    The same revision is not tried again until something else has been the target: another version,
    or other pod settings (any annotation under `template.metadata.annotations` will do). The exceptions are a
    revision that was stopped as `CandidateUnavailable`, and one that was stopped because a connection could not be
    made: both are tried again at `retryAt`.
    """

    version: ObjectName
    version_uid: Uid = ""
    digest: Digest
    revision: Annotated[str, Field(max_length=16)]
    reason: Annotated[str, Field(max_length=128)]
    message: Text = ""
    at: Timestamp
    retries: Annotated[int, Field(ge=0)] = 0
    """`retries` of the candidate."""
    retry_at: Timestamp | None = None
    """When the revision is tried again; absent where it is not."""


class Weights(StatusModel):
    """The candidate's share of the traffic in per cent: what the step asks, and what the ready replicas make of it."""

    desired: Annotated[int, Field(ge=0, le=100)]
    achieved: Annotated[int, Field(ge=0, le=100)]


class ModelDeploymentStatus(StatusBase):
    """What is served."""

    stable: RevisionStatus | None = None
    candidate: CandidateStatus | None = None
    former: FormerRevision | None = None
    """Present until `spec.rollout.bake` is over."""
    stopped: StoppedCandidate | None = None
    serving_since: Timestamp | None = None
    """When the first version began to serve. It stays when another version takes over."""
    weights: Weights | None = None
    url: Annotated[str, Field(max_length=512)] | None = None
    """Base URL inside the cluster; predict at `/v2/models/<model>/infer`."""
    example: Annotated[str, Field(max_length=2048)] | None = None
    """Shell commands that ask the model from outside the cluster, by `kubectl port-forward` and curl. The request has
    one row of zeros, or of two features with servers other than the default one: replace `shape` and `data` there."""
    selector: Annotated[str, Field(max_length=512)] | None = None
    replicas: Annotated[int, Field(ge=0)] = 0
    ready_replicas: Annotated[int, Field(ge=0)] = 0
    waiting: Waiting | None = None


MODEL_DEPLOYMENT: Final = Kind(
    kind="ModelDeployment",
    plural="modeldeployments",
    short_names=("mdep",),
    spec=ModelDeploymentSpec,
    status=ModelDeploymentStatus,
    reasons=DeploymentReason,
    description="A model version served over the Open Inference Protocol, and how the next one replaces it.",
    columns=(
        Column("Stable", ".status.stable.version"),
        Column("Candidate", ".status.candidate.version"),
        Column("Weight", ".status.weights.achieved", type="integer"),
        Column("Replicas", ".status.readyReplicas", type="integer"),
        Column("URL", ".status.url", wide=True),
    ),
    scale=Scale(".spec.replicas", ".status.replicas", ".status.selector"),
)
