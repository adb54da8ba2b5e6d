"""ModelMonitor: how well a served model does on the traffic it really gets, window by window."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api.common import JobSettings, StatusBase, Waiting
from mlops_operator.api.conditions import Truth
from mlops_operator.api.evaluation import MetricName
from mlops_operator.api.kind import Column, Kind
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
)

MAX_WINDOWS: Final = 20


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


class MonitoredMetric(SpecModel):
    """A metric and its limits."""

    name: MetricName
    limit: Limit
    min_samples: Annotated[int, Field(ge=1, le=10**9)] = 500
    """Labelled rows below which a window's verdict is `Unknown`."""


class Window(SpecModel):
    """Consecutive windows of time that do not overlap."""

    size: Duration = "5m"
    label_delay: Duration = "0s"
    """How long after a window's end its labels are waited for before it is measured."""


class Reference(SpecModel):
    """The windows that say what is usual: the first measured ones of each version."""

    windows: Annotated[int, Field(ge=6, le=20)] = 10


class ModelMonitorSpec(JobSettings):
    """What is measured, how often, and what is healthy."""

    target: Target
    source: Source
    window: Window = Window()
    metrics: Annotated[tuple[MonitoredMetric, ...], Field(min_length=1, max_length=8), ListMap("name")]
    reference: Reference = Reference()
    suspend: bool = False


class MetricVerdict(StatusModel):
    """One metric in one window. `breached` is `Unknown` where the evidence does not suffice."""

    name: MetricName
    breached: Truth
    value: float | None = None
    lower: float | None = None
    """The limit below which it is breached."""
    upper: float | None = None
    n: int = 0
    """Labelled rows."""
    reason: Annotated[str, Field(max_length=64)]
    message: Text = ""


class WindowStatus(StatusModel):
    """One window."""

    start: Timestamp
    end: Timestamp
    version: ObjectName | None = None
    job: ObjectName | None = None
    metrics: Annotated[tuple[MetricVerdict, ...], Field(max_length=8), ListMap("name")] = ()


class ReferenceStatus(StatusModel):
    """What is usual for a version; frozen once complete."""

    metric: MetricName
    version: ObjectName
    values: Annotated[tuple[float, ...], Field(max_length=20)] = ()
    mean: float | None = None
    std: float | None = None
    """Sample standard deviation (n - 1)."""
    complete: bool = False


class MonitorReason(StrEnum):
    """Reasons of a ModelMonitor's conditions and verdicts."""

    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound"
    NOTHING_SERVED = "NothingServed"
    WAITING_FOR_WINDOW = "WaitingForWindow"
    MEASURING = "Measuring"
    WITHIN_LIMITS = "WithinLimits"
    BELOW_LIMIT = "BelowLimit"
    ABOVE_LIMIT = "AboveLimit"
    TOO_FEW_SAMPLES = "TooFewSamples"
    NO_DATA = "NoData"
    REFERENCE_INCOMPLETE = "ReferenceIncomplete"
    JOB_FAILED = "JobFailed"
    RESULT_INVALID = "ResultInvalid"
    SUSPENDED = "Suspended"


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
    """Windows that went by unmeasured, because the operator or the Jobs were behind."""
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
