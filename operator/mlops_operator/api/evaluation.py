# SPDX-License-Identifier: Apache-2.0
"""Evaluation: measures a candidate, and its baseline if there is one, on the same rows in one Job."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from mlops_contract import limits
from mlops_operator.api import reasons
from mlops_operator.api.common import (
    DataInput,
    DataRead,
    JobSettings,
    Output,
    ReportRef,
    StatusBase,
    VersionRef,
    Waiting,
)
from mlops_operator.api.conditions import Truth
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.metrics import MetricName
from mlops_operator.api.schema import (
    IMMUTABLE,
    CelRule,
    Duration,
    ListMap,
    ObjectName,
    PvcUri,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
)

MAX_RECENT_WINDOW: Final = "8760h"
"""A year."""

RECENT: Final = "recent"
"""Name under which the digest of the recent rows is reported."""

MAX_METRICS: Final = limits.MAX_RULES
"""Maximum number of rules of one measurement: the figures of all must fit into a run's result."""

DEFAULT_MIN_COUNT: Final = limits.MIN_COUNT

ColumnName = Annotated[str, Field(min_length=1, max_length=limits.MAX_COLUMN, pattern=r"^[^\s](.*[^\s])?$")]
"""Name of a column of the data."""


class Change(SpecModel):
    """Required difference to the baseline, measured on paired rows."""

    min: Annotated[float, Field(ge=-limits.MAX_BOUND, le=limits.MAX_BOUND)] = 0.0
    """The lower end of the confidence interval of the improvement must be above this. The improvement is
    candidate - baseline, or baseline - candidate for a metric that is better when lower. A negative value
    allows a bounded loss."""
    confidence: Annotated[float, Field(ge=limits.MIN_CONFIDENCE, le=limits.MAX_CONFIDENCE)] = limits.CONFIDENCE
    """Level of the two-sided confidence interval. A later gate on the same rows needs a higher one."""


class MetricRule(SpecModel):
    """A condition on one metric that a candidate must meet."""

    rules = (
        CelRule(
            "has(self.min) || has(self.max) || has(self.change)",
            "metrics: set at least one of min, max or change",
        ),
        CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "metrics: min must not exceed max"),
        CelRule("!has(self.slice) || self.slice != 'all'", "metrics: leave slice out for all rows"),
    )

    name: MetricName = MetricName.ACCURACY
    """Metric. It determines whether a higher or a lower value is better."""
    slice: ShortName | None = None
    """Slice whose rows are measured. Default: all rows."""
    min: Annotated[float, Field(ge=-limits.MAX_BOUND, le=limits.MAX_BOUND)] | None = None
    """Minimum of the candidate's value. A value below it is `Fail` only if chance does not explain it."""
    max: Annotated[float, Field(ge=-limits.MAX_BOUND, le=limits.MAX_BOUND)] | None = None
    """Maximum of the candidate's value. A value above it is `Fail` only if chance does not explain it."""
    change: Change | None = None
    """Required change relative to the baseline. Without a baseline only `min` and `max` decide."""
    min_count: Annotated[int, Field(ge=1, le=limits.MAX_MIN_COUNT)] = DEFAULT_MIN_COUNT
    """Number of labeled rows below which the rule is `Inconclusive`; for `balanced_accuracy` and `f1_macro`
    the number of rows of the rarest class. A class that is only predicted has no row, and is one of the classes of
    `f1_macro`."""


class Columns(SpecModel):
    """Names of the columns that are neither label nor feature."""

    id: ColumnName | None = None
    """Column with the identity of a row. Default: the column `row`, if there is one."""
    group: ColumnName | None = None
    """Column with the group of a row. Rows of a group depend on each other (one user, one machine, one image) and are
    resampled together. Without it every row counts as independent."""


class Overlap(StrEnum):
    """Handling of rows that are both in the gate's data and in the training data."""

    REPORT = "Report"
    """`Report` is set to count such rows in the status without an effect on the verdict. For data in which different
    rows are often equal."""
    REFUSE = "Refuse"
    """`Refuse` is set to give `Fail` to a candidate that was trained on a row of the gate. Versions without row
    hashes are measured."""
    REQUIRE = "Require"
    """`Require` is set for the effect of `Refuse`, and to measure only versions that have hashes of all their
    training rows."""


class Recent(SpecModel):
    """Labeled rows of a prediction log that are withheld from all trainings of the Model.

    A row is held out by a hash of its `group`, or of its `id` where it has no group, with the Model's UID.
    """

    rules = (
        CelRule(
            f"duration(self.window) >= duration('1s') && duration(self.window) <= duration('{MAX_RECENT_WINDOW}')",
            f"recent.window: 1s to {MAX_RECENT_WINDOW}",
        ),
    )

    uri: PvcUri
    """Folder of the prediction log. Its rows need `inputs`, an `id` or a `group`, and a label."""
    window: Duration = "168h"
    """Length of the period before the creation of the Evaluation from which rows are taken."""
    share: Annotated[float, Field(ge=limits.MIN_SHARE, le=limits.MAX_SHARE)] = 0.2
    """Share of groups or ids that are held out: trainings of the Model do not read them, gates measure on them."""
    min_count: Annotated[int, Field(ge=1, le=10**6)] = 200
    """Minimum number of labeled rows, and of rows newer than those of the former measurement of the same artifact."""
    slice: ShortName = limits.RECENT_SLICE
    """Name of the slice of these rows, for use in rules."""


class Measurement(JobSettings):
    """A measurement: data, rules and pods. An Evaluation shares it with the gate of an alias."""

    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "(has(self.data) && size(self.data) > 0) || has(self.recent)",
            "data: name at least one data input, or set recent",
        ),
        CelRule(
            f"!has(self.recent) || !has(self.data) || self.data.all(d, d.name != '{RECENT}')",
            "data: the name recent is taken by the rows of recent",
        ),
        CelRule(
            # Without a default in the schema, since the list is atomic: see `codegen/crd/structural.py`.
            "self.metrics.all(m, self.metrics.exists_one(o, (has(o.name) ? o.name : 'accuracy')"
            " == (has(m.name) ? m.name : 'accuracy') && has(o.slice) == has(m.slice)"
            " && (!has(m.slice) || o.slice == m.slice)))",
            "metrics: one rule for each metric and slice",
        ),
    )

    data: Annotated[tuple[DataInput, ...], Field(max_length=limits.MAX_GATE_DATA), ListMap("name")] = ()
    """Frozen rows that no version was trained on. All inputs are read as one set of rows."""
    recent: Recent | None = None
    """Recent labeled rows, in addition to `data` or alone. All are read as one set of rows."""
    overlap: Overlap = Overlap.REFUSE
    """Handling of rows that are both in the gate's data and in the training data. `Refuse` by default."""
    metrics: Annotated[tuple[MetricRule, ...], Field(min_length=1, max_length=MAX_METRICS)]
    """Rules that a candidate must meet, one for each metric and slice."""
    columns: Columns = Columns()
    output: Output | None = None
    """Location of the report. Default: the store in which a TrainingJob wrote the candidate, otherwise the operator's
    artifact store."""


class EvaluationSpec(Measurement):
    """Desired state of an Evaluation: the candidate, its baseline and the rules. Immutable."""

    rules = (
        IMMUTABLE,
        CelRule("!has(self.recentAfter) || has(self.recent)", "recentAfter: set recent as well"),
    )

    candidate: ObjectName
    """Name of the ModelVersion that is measured."""
    baseline: ObjectName | None = None
    """Name of the ModelVersion it is compared with. Without one, at least one rule must set `min` or `max`."""
    recent_after: Timestamp | None = None
    """Time of the newest recent row of the former measurement of the same artifact. With fewer than
    `recent.minCount` labeled rows after it the verdict is `NoData`."""


class Verdict(StrEnum):
    """Result of a measurement. Only `Pass` lets a Promotion proceed."""

    PASS = "Pass"
    """`Pass` is set when every rule is met."""
    FAIL = "Fail"
    """`Fail` is set when the evidence shows that a rule is not met."""
    INCONCLUSIVE = "Inconclusive"
    """`Inconclusive` is set when the evidence does not suffice either way."""
    NO_DATA = "NoData"
    """`NoData` is set when there are no rows, too few new rows, or no comparison to decide on."""
    ERROR = "Error"
    """`Error` is set when the measurement could not be made."""


class MetricStatus(StatusModel):
    """The figures and the verdict of one rule."""

    name: Annotated[str, Field(max_length=40)]
    """Name of the metric."""
    slice: Annotated[str, Field(max_length=63)] = ""
    """Slice of the rule. Empty for all rows."""
    verdict: Verdict
    message: Text = ""
    """Explanation of the verdict."""
    candidate: float | None = None
    """Value of the candidate."""
    baseline: float | None = None
    """Value of the baseline."""
    difference: float | None = None
    """Candidate minus baseline, in the metric's own sign."""
    lower: float | None = None
    """Lower end of the confidence interval of the improvement."""
    upper: float | None = None
    """Upper end of the confidence interval of the improvement."""
    confidence: float | None = None
    """Confidence level of the interval from `lower` to `upper`."""
    p_value: float | None = None
    """One-sided p-value for an improvement of more than `change.min`. `Pass` needs one below `level`."""
    level: float | None = None
    """Significance level of the gate: (1 - confidence) / 2, divided by the square of the gate's number on these
    rows."""
    p_shortfall: float | None = None
    """One-sided p-value for an improvement of less than `change.min`."""
    p_bound: float | None = None
    """One-sided p-value for a candidate outside `min` or `max`; absent if its value is within them."""
    n: int | None = None
    """Number of labeled rows."""
    rarest_class: int | None = None
    """Number of labeled rows of the rarest class."""
    discordant: int | None = None
    """Number of rows on which exactly one of candidate and baseline is right."""


class RowOverlap(StatusModel):
    """Rows that the gate and a training have in common."""

    role: Annotated[str, Field(max_length=16)]
    """Role of the version: `candidate` or `baseline`."""
    overlap: Truth
    """Whether rows overlap. `Unknown` if the version has no hashes of all its training rows and none was found."""
    rows: Annotated[int, Field(ge=0)] | None = None
    """Number of rows of the gate that the model was trained on."""
    share: float | None = None
    """Share of these rows in all rows of the gate."""


class RecentRows(StatusModel):
    """Counts of the recent rows that were measured, and of those that could not be."""

    start: Timestamp
    """Start of the window."""
    end: Timestamp
    """End of the window."""
    rows: Annotated[int, Field(ge=0)] = 0
    """Number of labeled held-out requests in the window: the rows that were measured."""
    new: Annotated[int, Field(ge=0)] | None = None
    """Number of these rows that are newer than `recentAfter`."""
    newest: Timestamp | None = None
    """Time of the newest row, rounded up to a second."""
    unlabeled: Annotated[int, Field(ge=0)] = 0
    """Number of held-out requests without a label."""
    unfit: Annotated[int, Field(ge=0)] = 0
    """Number of held-out requests without inputs, or with another number of inputs than most have."""
    unidentified: Annotated[int, Field(ge=0)] = 0
    """Number of requests in the window with neither `group` nor `id`, held out or not."""


class EvaluationPhase(StrEnum):
    """Summary of the current state of an Evaluation."""

    PENDING = "Pending"
    """`Pending` is set while the Evaluation waits for an object or data."""
    RUNNING = "Running"
    """`Running` is set while the Job exists and has no result."""
    SUCCEEDED = "Succeeded"
    """`Succeeded` is set when the Evaluation has a verdict of any kind."""
    FAILED = "Failed"
    """`Failed` is set when the measurement could not be made."""


class EvaluationReason(StrEnum):
    """Reasons of an Evaluation's conditions."""

    MODEL_VERSION_NOT_FOUND = reasons.MODEL_VERSION_NOT_FOUND
    MODEL_VERSION_NOT_READY = reasons.MODEL_VERSION_NOT_READY
    MODEL_NOT_FOUND = reasons.MODEL_NOT_FOUND
    """It is the Model of the candidate, whose UID decides which rows are held out."""
    NO_ABSOLUTE_RULE = "NoAbsoluteRule"
    """`NoAbsoluteRule` is set when there is no baseline and no metric has `min` or `max`: nothing can be decided."""
    FORMAT_UNSUPPORTED = "FormatUnsupported"
    """`FormatUnsupported` is set when the operator's own image does not load the format of a version and `image` names
    no other one. No pod is created."""
    PROMOTION_DECIDED = "PromotionDecided"
    """`PromotionDecided` is set when the Promotion that it measures for was decided while it waited for a version."""
    RUNNING = reasons.RUNNING
    MEASURED = "Measured"
    """`Measured` is set when there is a verdict, whichever."""
    TOO_FEW_NEW_ROWS = "TooFewNewRows"
    """`TooFewNewRows` is set when fewer than `recent.minCount` rows are newer than `recentAfter`."""
    DATA_NOT_FOUND = reasons.DATA_NOT_FOUND
    """After 10 minutes it is `JobFailed`."""
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


class EvaluationStatus(StatusBase):
    """Observed state of an Evaluation."""

    candidate: VersionRef | None = None
    """ModelVersion that is measured, as it was when the Job was created."""
    baseline: VersionRef | None = None
    """ModelVersion it is compared with, as it was when the Job was created."""
    verdict: Verdict | None = None
    metrics: Annotated[tuple[MetricStatus, ...], Field(max_length=MAX_METRICS)] = ()
    """Figures and verdict of each rule."""
    data: Annotated[tuple[DataRead, ...], Field(max_length=9), ListMap("name")] = ()
    """Digests of the rows that were measured. Those of `recent` are in the file `recent.npz` next to the report."""
    unlabeled: int | None = None
    """Number of rows left out because they have no label."""
    duplicates: int | None = None
    """Number of rows that repeat the features, label and slice of an earlier row."""
    gates_before: int | None = None
    """Number of gates measured on the same rows before this one."""
    recent: RecentRows | None = None
    overlap: Annotated[tuple[RowOverlap, ...], Field(max_length=2), ListMap("role")] = ()
    """Overlap of the gate's rows with the training rows of each version."""
    report: ReportRef | None = None
    job: ObjectName | None = None
    start_time: Timestamp | None = None
    """Time at which the measurement started."""
    completion_time: Timestamp | None = None
    """Time at which the Evaluation ended."""
    waiting: Waiting | None = None


EVALUATION: Final = Kind(
    kind="Evaluation",
    plural="evaluations",
    short_names=("eval",),
    spec=EvaluationSpec,
    status=EvaluationStatus,
    reasons=EvaluationReason,
    description="A candidate and its baseline measured on the same frozen rows, with paired uncertainty.",
    columns=(
        Column("Verdict", ".status.verdict"),
        Column("Candidate", ".spec.candidate"),
        Column("Baseline", ".spec.baseline", wide=True),
    ),
)
