# SPDX-License-Identifier: Apache-2.0
"""ModelMonitor: measures the quality of a served model on its traffic, in windows of time."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_contract import limits
from mlops_operator.api import reasons
from mlops_operator.api.common import JobSettings, StatusBase, Waiting
from mlops_operator.api.conditions import Truth
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.schema import (
    CelRule,
    Digest,
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
"""Maximum number of windows in the status, the newest ones."""

MIN_PERIOD: Final = "1h"
MAX_PERIOD: Final = "8760h"
"""Bounds of the period of a false-alarm budget, and of the one that a reference is spread over."""

MIN_WINDOW: Final = "5s"
MAX_WINDOW: Final = "720h"
"""Bounds of the length of a window: one Job runs per window."""


class Target(SpecModel):
    """Deployment that is monitored."""

    deployment: ObjectName
    """Name of a ModelDeployment. Rows of its stable version are measured."""


class PredictionLog(SpecModel):
    """JSON Lines with the requests, the answers and, once known, the labels."""

    uri: PvcUri
    """Folder of the log."""


class Source(SpecModel):
    """Source of the rows."""

    prediction_log: PredictionLog


class FalseAlarms(SpecModel):
    """Budget of false breaches, from which a prediction limit follows."""

    rules = (
        CelRule(
            f"duration(self.per) >= duration('{MIN_PERIOD}') && duration(self.per) <= duration('{MAX_PERIOD}')",
            f"falseAlarms.per: at least {MIN_PERIOD}, at most {MAX_PERIOD}",
        ),
    )

    probability: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    """Probability of at least one breached window within `per` if the model is as good as its reference."""
    per: Duration = "720h"
    """Period of the budget."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not seconds(MIN_PERIOD) <= seconds(self.per) <= seconds(MAX_PERIOD):
            raise ValueError(f"per: expected {MIN_PERIOD} to {MAX_PERIOD}, found {self.per}")
        return self


class Limit(SpecModel):
    """Limits of a healthy value."""

    rules = (
        CelRule(
            "has(self.min) || has(self.max) || has(self.falseAlarms)",
            "limit: set at least one of min, max, falseAlarms",
        ),
        CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "limit: min must not exceed max"),
    )

    min: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """Absolute minimum."""
    max: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """Absolute maximum, for values that are too good to be true."""
    false_alarms: FalseAlarms | None = None
    """Lower limit that follows from the reference, the number of rows and this budget."""


class MonitoredName(StrEnum):
    """Name of a metric of one window. A higher value is better for each of them."""

    ACCURACY = "accuracy"
    """Share of rows that are predicted correctly."""
    BALANCED_ACCURACY = "balanced_accuracy"
    """Mean over the classes of the share of their rows that are predicted correctly."""
    F1_MACRO = "f1_macro"
    """Mean over the classes of the harmonic mean of precision and recall."""
    LABELED_SHARE = LABELED_SHARE
    """Number of labeled rows divided by the number of answered rows."""


class MonitoredMetric(SpecModel):
    """A metric and its limits."""

    name: MonitoredName
    limit: Limit
    min_samples: Annotated[int, Field(ge=1, le=10**9)] = 500
    """Labeled rows below which a window's verdict is `Unknown`. For `balanced_accuracy` and `f1_macro` the rows of the
    rarest class are counted, for `labeled_share` all answered rows."""


class Labels(SpecModel):
    """Requirements on the labels as a whole."""

    min_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Minimum share of the answered rows that must have a label. Below it the verdicts of a window are `Unknown`,
    `TooFewLabels`: the rows that get labels may not be typical. Set a lower value if labels are a random sample."""


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
    """Length of a window."""
    label_delay: Duration = "0s"
    """Time between the end of a window and its measurement, to wait for labels."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not seconds(MIN_WINDOW) <= seconds(self.size) <= seconds(MAX_WINDOW):
            raise ValueError(f"size: expected {MIN_WINDOW} to {MAX_WINDOW}, found {self.size}")
        if seconds(self.label_delay) > seconds(MAX_WINDOW):
            raise ValueError(f"labelDelay: expected at most {MAX_WINDOW}, found {self.label_delay}")
        return self


class Reference(SpecModel):
    """Baseline windows of a version: its first windows with enough rows that are within their limits."""

    rules = (
        CelRule(
            f"!has(self.per) || duration(self.per) >= duration('{MIN_PERIOD}') "
            f"&& duration(self.per) <= duration('{MAX_PERIOD}')",
            f"reference.per: at least {MIN_PERIOD}, at most {MAX_PERIOD}",
        ),
    )

    windows: Annotated[int, Field(ge=6, le=20)] = 10
    """Number of windows in the reference."""
    per: Duration | None = None
    """Period over which the windows are spread, such as 24h for traffic with a daily pattern. Without it the windows
    are consecutive."""
    not_before: Timestamp | None = None
    """Earliest start of a window in a reference, also in that of a former version. Set it to the current time to
    accept a lower level, or to measure the reference again."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.per is not None and not seconds(MIN_PERIOD) <= seconds(self.per) <= seconds(MAX_PERIOD):
            raise ValueError(f"per: expected {MIN_PERIOD} to {MAX_PERIOD}, found {self.per}")
        if self.not_before is not None and datetime.fromisoformat(self.not_before).tzinfo is None:
            raise ValueError(f"notBefore: expected RFC 3339 with an offset from UTC, found {self.not_before}")
        return self


class ModelMonitorSpec(JobSettings):
    """Desired state of a ModelMonitor: the metrics, their windows and their limits."""

    target: Target
    source: Source
    window: Window = Window()
    labels: Labels = Labels()
    metrics: Annotated[
        tuple[MonitoredMetric, ...], Field(min_length=1, max_length=limits.MAX_MONITORED), ListMap("name")
    ]
    """Metrics and their limits."""
    reference: Reference = Reference()
    suspend: bool = False
    """Whether no further window is measured. A Job that runs continues to its end."""


FigureName = Annotated[str, Field(min_length=1, max_length=40)]
"""Name of a metric, see `MonitoredName`."""


class MetricVerdict(StatusModel):
    """The value and verdict of one metric in one window. `breached` is `Unknown` if the evidence does not suffice."""

    name: FigureName
    """Name of the metric."""
    breached: Truth
    value: float | None = None
    """Value of the metric."""
    lower: float | None = None
    """Lower limit. The window is breached below this value."""
    upper: float | None = None
    """Upper limit. The window is breached above this value."""
    n: int = 0
    """Number of rows behind the value: labeled rows, or all answered rows for `labeled_share`."""
    expected_false_alarms: float | None = None
    """Expected number of windows below `lower` within the period of the false-alarm budget (720h unless set), if all
    have `n` rows and the model is as good as the reference."""
    reason: Annotated[str, Field(max_length=64)]
    """Reason for the verdict."""
    message: Text = ""
    """Explanation of the verdict."""


class WindowStatus(StatusModel):
    """A window: start <= time < end."""

    start: Timestamp
    """Start of the window."""
    end: Timestamp
    """End of the window, exclusive."""
    version: ObjectName
    """ModelVersion whose rows are measured."""
    digest: Digest | None = None
    """Digest of the artifact of this version."""
    job: ObjectName | None = None
    """Job that measured the window. Only the latest Jobs are kept."""
    metrics: Annotated[tuple[MetricVerdict, ...], Field(max_length=8), ListMap("name")] = ()
    """Value and verdict of each metric."""
    notes: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=8)] = ()
    """Rows and files of the log that were not used, with the reason."""


class ReferenceWindow(StatusModel):
    """A window of a reference."""

    start: Timestamp
    """Start of the window."""
    value: float
    """Value of the metric."""
    n: int
    """Number of rows."""
    effective: float
    """Effective sample size: number of independent rows with the same standard error as the value."""


class ReferenceStatus(StatusModel):
    """Baseline of a metric for one version. Fixed once it is complete."""

    metric: FigureName
    """Name of the metric."""
    version: ObjectName
    digest: Digest | None = None
    """Digest of the artifact of this version. A recreated version has another reference."""
    windows: Annotated[tuple[ReferenceWindow, ...], Field(max_length=20)] = ()
    """Windows of the reference."""
    level: float | None = None
    """Mean over the rows of all windows that agree with the median window."""
    complete: bool = False
    """Whether the reference has all its windows."""
    evaluation: ObjectName | None = None
    """The Evaluation of the version's gate, if the reference is its figure. Then `windows` has one entry: the rows of
    the gate, and the time of its result."""


class MonitorReason(StrEnum):
    """Reasons of a ModelMonitor's conditions and verdicts."""

    DEPLOYMENT_NOT_FOUND = "DeploymentNotFound"
    """`DeploymentNotFound` is set when the ModelDeployment does not exist."""
    NOTHING_SERVED = reasons.NOTHING_SERVED
    """Also when it had no ready replica in the whole last window. That is no fault, so the monitor is `Ready`. No pod
    is created."""
    WAITING_FOR_WINDOW = "WaitingForWindow"
    """`WaitingForWindow` is set while the first window has not been measured yet."""
    MONITORING = "Monitoring"
    """`Monitoring` is set when windows are measured as they end."""
    SUSPENDED = reasons.SUSPENDED
    WITHIN_LIMITS = "WithinLimits"
    """`WithinLimits` is set when every metric of the window is within its limits."""
    BELOW_LIMIT = "BelowLimit"
    """`BelowLimit` is set when a metric of the window is below its limit."""
    ABOVE_LIMIT = "AboveLimit"
    """`AboveLimit` is set when a metric of the window is above its limit."""
    TOO_FEW_SAMPLES = "TooFewSamples"
    """`TooFewSamples` is set when the window has fewer rows than `minSamples`."""
    TOO_FEW_LABELS = "TooFewLabels"
    """`TooFewLabels` is set when a smaller share of the rows has labels than `labels.minShare`."""
    NO_DATA = "NoData"
    """`NoData` is set when the window has no rows."""
    NO_PREDICTIONS_YET = "NoPredictionsYet"
    """`NoPredictionsYet` is set when there is no prediction log and no window has had rows. That is no fault, so the
    monitor is `Ready`. The next window looks for the log again."""
    REFERENCE_INCOMPLETE = "ReferenceIncomplete"
    """`ReferenceIncomplete` is set for the first window with enough rows, if the version passed no gate that measured
    the metric: there is nothing to compare it with yet."""
    CONFIGURATION_INVALID = reasons.CONFIGURATION_INVALID
    """Such as a metric that the given `image` does not know. No further window is measured until the spec is
    changed."""
    JOB_FAILED = reasons.JOB_FAILED
    RETRYING = reasons.RETRYING
    NODE_LOST = reasons.NODE_LOST
    SIDECAR_RUNNING = reasons.SIDECAR_RUNNING
    RESULT_INVALID = reasons.RESULT_INVALID
    IMAGE_UNAVAILABLE = reasons.IMAGE_UNAVAILABLE
    VOLUME_NOT_FOUND = reasons.VOLUME_NOT_FOUND
    CONFIG_UNAVAILABLE = reasons.CONFIG_UNAVAILABLE
    RUNS_AS_ROOT = reasons.RUNS_AS_ROOT
    UNSCHEDULABLE = reasons.UNSCHEDULABLE
    POD_PENDING = reasons.POD_PENDING
    INVALID_SPEC = reasons.INVALID_SPEC
    INVALID_POD_TEMPLATE = reasons.INVALID_POD_TEMPLATE
    NAME_TAKEN = reasons.NAME_TAKEN
    FORBIDDEN = reasons.FORBIDDEN
    REFUSED = reasons.REFUSED
    TOO_LARGE = reasons.TOO_LARGE


class MonitorPhase(StrEnum):
    """Summary of the current state of a ModelMonitor."""

    PENDING = "Pending"
    """`Pending` is set before the first window is measured."""
    HEALTHY = "Healthy"
    """`Healthy` is set when the last window is within its limits."""
    BREACHED = "Breached"
    """`Breached` is set when the last window breached a limit."""
    UNKNOWN = "Unknown"
    """`Unknown` is set when the evidence of the last window does not suffice."""
    SUSPENDED = "Suspended"
    """`Suspended` is set while `spec.suspend` is true."""


BREACHED: Final = "Breached"
"""Condition: the last measured window breached a limit; `Unknown` if the evidence does not suffice."""


class ModelMonitorStatus(StatusBase):
    """Observed state of a ModelMonitor: the last windows and their references."""

    windows: Annotated[tuple[WindowStatus, ...], Field(max_length=MAX_WINDOWS)] = ()
    """Latest windows, the newest last."""
    references: Annotated[tuple[ReferenceStatus, ...], Field(max_length=8), ListMap("metric")] = ()
    """Complete references that windows are compared with: of the version that is served, or of the former version
    until its own is complete. Without a former version's reference, the figure of the version's gate."""
    collecting: Annotated[tuple[ReferenceStatus, ...], Field(max_length=8), ListMap("metric")] = ()
    """Incomplete references of the version that is served."""
    last_value: Annotated[str, Field(max_length=16)] = ""
    """Value of the first metric in the last window, with 4 significant digits, for `kubectl get`."""
    measuring: WindowStatus | None = None
    """Window whose Job runs."""
    skipped_windows: Annotated[int, Field(ge=0)] = 0
    """Number of windows since the first measured one that were not measured: a Job took longer than a window, the
    operator did not run, nothing was served, or the monitor was suspended."""
    waiting: Waiting | None = None


MODEL_MONITOR: Final = Kind(
    kind="ModelMonitor",
    plural="modelmonitors",
    short_names=("mm",),
    spec=ModelMonitorSpec,
    status=ModelMonitorStatus,
    reasons=MonitorReason,
    description="Measures the quality of a served model on its traffic, in windows of time.",
    columns=(
        Column("Breached", '.status.conditions[?(@.type=="Breached")].status'),
        Column("Target", ".spec.target.deployment"),
        Column("Value", ".status.lastValue"),
        Column("N", ".status.windows[-1:].metrics[0].n", type="integer"),
    ),
)
