"""ModelMonitor: how well a served model does on the traffic it really gets, window by window."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_operator.api.common import JobSettings, StatusBase, Waiting
from mlops_operator.api.conditions import Truth
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.metrics import MetricName
from mlops_operator.api.schema import (
    CelRule,
    Duration,
    ListMap,
    ObjectName,
    PvcUri,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
    seconds,
)

LABELED_SHARE: Final = "labeled_share"
"""The share of answered rows that have a label, as a metric."""

MAX_WINDOWS: Final = 20
"""Windows that are kept in status, the newest ones."""

MIN_WINDOW: Final = "5s"
MAX_WINDOW: Final = "720h"
"""Bounds of a window's size: a Job per window makes no sense below, and nobody waits longer."""


class Target(SpecModel):
    """What is watched."""

    deployment: ObjectName
    """A ModelDeployment; rows of its stable version count."""


class PredictionLog(SpecModel):
    """JSON lines of what was asked, answered and, once known, right."""

    uri: PvcUri


class Source(SpecModel):
    """Where the rows come from."""

    prediction_log: PredictionLog


class Limit(SpecModel):
    """What a healthy value is."""

    rules = (
        CelRule("has(self.min) || has(self.max) || has(self.sigmas)", "limit: set min, max or sigmas"),
        CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "limit: min must not exceed max"),
    )

    min: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    max: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    sigmas: Annotated[float, Field(ge=0.5, le=10)] | None = None
    """Standard deviations from the reference's mean, both ways; needs a complete reference."""


class MonitoredName(StrEnum):
    """A figure of one window. Higher is better for each of them."""

    ACCURACY = "accuracy"
    BALANCED_ACCURACY = "balanced_accuracy"
    F1_MACRO = "f1_macro"
    LABELED_SHARE = LABELED_SHARE
    """Labeled rows divided by answered rows."""


class MonitoredMetric(SpecModel):
    """A metric and its limits."""

    name: MonitoredName
    limit: Limit
    min_samples: Annotated[int, Field(ge=1, le=10**9)] = 500
    """Labeled rows below which a window's verdict is `Unknown`. For `balanced_accuracy` and `f1_macro` the rows of the
    rarest class are counted, for `labeled_share` all answered rows."""


class Labels(SpecModel):
    """What is required of the labels as a whole."""

    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least share of the answered rows that must have a label. Below it the verdicts of a window are `Unknown`,
    `TooFewLabels`: the rows that get labels may not be typical. Set a lower value where labels are a random sample."""


class Window(SpecModel):
    """Consecutive windows of time that do not overlap; they begin at multiples of their size since 1970."""

    rules = (
        CelRule(
            f"duration(self.size) >= duration('{MIN_WINDOW}') && duration(self.size) <= duration('{MAX_WINDOW}')",
            f"window.size: at least {MIN_WINDOW}, at most {MAX_WINDOW}",
        ),
        CelRule(
            f"duration(self.labelDelay) <= duration('{MAX_WINDOW}')",
            f"window.labelDelay: at most {MAX_WINDOW}",
        ),
    )

    size: Duration = "5m"
    label_delay: Duration = "0s"
    """How long after a window's end its labels are waited for before it is measured."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not seconds(MIN_WINDOW) <= seconds(self.size) <= seconds(MAX_WINDOW):
            raise ValueError(f"size: expected {MIN_WINDOW} to {MAX_WINDOW}, found {self.size}")
        if seconds(self.label_delay) > seconds(MAX_WINDOW):
            raise ValueError(f"labelDelay: expected at most {MAX_WINDOW}, found {self.label_delay}")
        return self


class Reference(SpecModel):
    """The windows that say what is usual: the first ones of each version that have rows enough and keep min and max."""

    windows: Annotated[int, Field(ge=6, le=20)] = 10


class ModelMonitorSpec(JobSettings):
    """What is measured, how often, and what is healthy."""

    target: Target
    source: Source
    window: Window = Window()
    labels: Labels = Labels()
    metrics: Annotated[tuple[MonitoredMetric, ...], Field(min_length=1, max_length=8), ListMap("name")]
    reference: Reference = Reference()
    suspend: bool = False
    """No window is measured; the Job that runs is let run to its end."""


class MetricVerdict(StatusModel):
    """One metric in one window. `breached` is `Unknown` where the evidence does not suffice."""

    name: MetricName
    breached: Truth
    value: float | None = None
    lower: float | None = None
    """The limit below which it is breached."""
    upper: float | None = None
    n: int = 0
    """Rows that the value is over: labeled ones, or all answered ones for `labeled_share`."""
    reason: Annotated[str, Field(max_length=64)]
    message: Text = ""


class WindowStatus(StatusModel):
    """One window: start <= time < end."""

    start: Timestamp
    end: Timestamp
    version: ObjectName
    """The ModelVersion whose rows count."""
    job: ObjectName | None = None
    """The Job that measured it; only the latest Jobs are kept."""
    metrics: Annotated[tuple[MetricVerdict, ...], Field(max_length=8), ListMap("name")] = ()
    notes: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=8)] = ()
    """Rows and files of the log that were not used, and why."""


class ReferenceStatus(StatusModel):
    """What is usual for a version; frozen once complete."""

    metric: MetricName
    version: ObjectName
    size: Annotated[str, Field(max_length=16)] = ""
    """Size of the windows: larger ones vary less, so another size needs another reference."""
    values: Annotated[tuple[float, ...], Field(max_length=20)] = ()
    mean: float | None = None
    std: float | None = None
    """Sample standard deviation (n - 1)."""
    complete: bool = False


class MonitorReason(StrEnum):
    """Reasons of a ModelMonitor's conditions and verdicts."""

    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound"
    NOTHING_SERVED = "NothingServed"
    """The deployment has no stable version yet."""
    WAITING_FOR_WINDOW = "WaitingForWindow"
    """The first window has not been measured yet."""
    MONITORING = "Monitoring"
    """Windows are measured as they end."""
    SUSPENDED = "Suspended"
    WITHIN_LIMITS = "WithinLimits"
    BELOW_LIMIT = "BelowLimit"
    ABOVE_LIMIT = "AboveLimit"
    TOO_FEW_SAMPLES = "TooFewSamples"
    TOO_FEW_LABELS = "TooFewLabels"
    """`TooFewLabels` is set when a smaller share of the rows has labels than `labels.minShare`."""
    NO_DATA = "NoData"
    REFERENCE_INCOMPLETE = "ReferenceIncomplete"
    REFERENCE_DEGENERATE = "ReferenceDegenerate"
    """The reference windows all have the same value, so they do not say what varies usually: set min or max."""
    JOB_FAILED = "JobFailed"
    RESULT_INVALID = "ResultInvalid"
    IMAGE_UNAVAILABLE = "ImageUnavailable"
    VOLUME_NOT_FOUND = "VolumeNotFound"
    CONFIG_UNAVAILABLE = "ConfigUnavailable"
    UNSCHEDULABLE = "Unschedulable"
    """No node can run the pod: none has the labels, the allocatable resources or the volumes that it needs."""
    POD_PENDING = "PodPending"
    """A pod has not started for a minute, for a cause that can pass: no free capacity, or an image that is pulled."""
    INVALID_SPEC = "InvalidSpec"
    """The object is older than its definition and does not fit it."""
    INVALID_POD_TEMPLATE = "InvalidPodTemplate"
    """The API server refuses the Job, in its own words."""
    NAME_TAKEN = "NameTaken"
    """An object of the Job's name exists and belongs to somebody else."""
    FORBIDDEN = "Forbidden"
    """A quota, an admission policy or missing rights refuse the Job."""


class MonitorPhase(StrEnum):
    """One word on a ModelMonitor."""

    PENDING = "Pending"
    HEALTHY = "Healthy"
    BREACHED = "Breached"
    UNKNOWN = "Unknown"
    SUSPENDED = "Suspended"


BREACHED: Final = "Breached"
"""Condition: the last measured window breached a limit; `Unknown` where it could not be told."""


class ModelMonitorStatus(StatusBase):
    """The last windows, the newest last, and the references."""

    windows: Annotated[tuple[WindowStatus, ...], Field(max_length=MAX_WINDOWS)] = ()
    references: Annotated[tuple[ReferenceStatus, ...], Field(max_length=8), ListMap("metric")] = ()
    measuring: WindowStatus | None = None
    """The window whose Job runs."""
    skipped_windows: Annotated[int, Field(ge=0)] = 0
    """Windows since the first measured one that went by unmeasured: a Job took longer than a window, the
    operator was away, nothing was served, or the monitor was suspended."""
    waiting: Waiting | None = None


MODEL_MONITOR: Final = Kind(
    kind="ModelMonitor",
    plural="modelmonitors",
    short_names=("mm",),
    spec=ModelMonitorSpec,
    status=ModelMonitorStatus,
    description="How well a served model does on the traffic it really gets, window by window.",
    columns=(
        Column("Breached", '.status.conditions[?(@.type=="Breached")].status'),
        Column("Target", ".spec.target.deployment"),
        Column("Value", ".status.windows[-1:].metrics[0].value", type="number"),
        Column("N", ".status.windows[-1:].metrics[0].n", type="integer"),
    ),
)
