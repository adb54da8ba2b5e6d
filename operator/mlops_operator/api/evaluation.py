"""Evaluation: a candidate, and where there is one its baseline, measured on the same rows by one Job."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_operator.api.common import DataInput, DataRead, JobSettings, ReportRef, StatusBase, Waiting
from mlops_operator.api.kind import Column, Kind
from mlops_operator.api.schema import (
    IMMUTABLE,
    CelRule,
    ListMap,
    ObjectName,
    ShortName,
    SpecModel,
    StatusModel,
    Text,
    Timestamp,
)

MetricName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]


class Direction(StrEnum):
    """Which way a metric is better."""

    MAXIMIZE = "Maximize"
    MINIMIZE = "Minimize"


class Change(SpecModel):
    """What the paired difference to the baseline must show."""

    min: Annotated[float, Field(ge=-1e9, le=1e9)] = 0.0
    """The lower end of the confidence interval of (candidate - baseline), counted so that
    positive is better, must not be below this; a negative value allows a bounded loss."""
    confidence: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    """Level of the two-sided interval of the paired bootstrap."""


class MetricRule(SpecModel):
    """One thing a candidate must show."""

    rules = (
        CelRule(
            "has(self.min) || has(self.max) || has(self.change)",
            "metrics: set min, max or change, else nothing is asked",
        ),
        CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "metrics: min must not exceed max"),
    )

    name: MetricName = "accuracy"
    slice: ShortName | None = None
    """Rows of this slice alone; all rows by default."""
    direction: Direction = Direction.MAXIMIZE
    min: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """Absolute floor of the candidate's value."""
    max: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    """Absolute ceiling of the candidate's value."""
    change: Change | None = None
    """Compared with the baseline; without a baseline only `min` and `max` decide."""
    min_count: Annotated[int, Field(ge=1, le=10**9)] = 30
    """Rows below which the metric is `Inconclusive`."""


class Bootstrap(SpecModel):
    """Resampling of the paired bootstrap."""

    samples: Annotated[int, Field(ge=200, le=100_000)] = 2000
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class Measurement(JobSettings):
    """What is measured, on what, and how: the part an Evaluation shares with an alias's gate."""

    data: Annotated[tuple[DataInput, ...], Field(min_length=1, max_length=8), ListMap("name")]
    """Frozen rows that no version was trained on. All inputs are read as one set of rows."""
    metrics: Annotated[tuple[MetricRule, ...], Field(min_length=1, max_length=16)]
    bootstrap: Bootstrap = Bootstrap()


class EvaluationSpec(Measurement):
    """A candidate against its baseline. Immutable."""

    rules = (IMMUTABLE,)

    candidate: ObjectName
    """A ModelVersion."""
    baseline: ObjectName | None = None
    """Another ModelVersion; without one at least one metric must have a floor or a ceiling."""


class Verdict(StrEnum):
    """What a measurement shows. Only `Pass` lets anything happen."""

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    NO_DATA = "NoData"
    ERROR = "Error"


class MetricStatus(StatusModel):
    """One rule's numbers and verdict."""

    name: MetricName
    slice: Annotated[str, Field(max_length=63)] = ""
    verdict: Verdict
    message: Text = ""
    candidate: float | None = None
    baseline: float | None = None
    difference: float | None = None
    """candidate - baseline, in the metric's own sign."""
    lower: float | None = None
    upper: float | None = None
    confidence: float | None = None
    n: int | None = None


class EvaluationPhase(StrEnum):
    """One word on an Evaluation."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    """It has a verdict, whichever."""
    FAILED = "Failed"
    """It could not be measured."""


class EvaluationReason(StrEnum):
    """Reasons of an Evaluation's conditions beside those of its Job."""

    MODEL_VERSION_NOT_FOUND = "ModelVersionNotFound"
    MODEL_VERSION_NOT_READY = "ModelVersionNotReady"
    NO_ABSOLUTE_RULE = "NoAbsoluteRule"
    """No baseline and no floor or ceiling: there is nothing to decide by."""
    RUNNING = "Running"
    MEASURED = "Measured"
    JOB_FAILED = "JobFailed"
    RESULT_INVALID = "ResultInvalid"


class EvaluationStatus(StatusBase):
    """What was measured."""

    verdict: Verdict | None = None
    metrics: Annotated[tuple[MetricStatus, ...], Field(max_length=16)] = ()
    data: Annotated[tuple[DataRead, ...], Field(max_length=8), ListMap("name")] = ()
    report: ReportRef | None = None
    job: ObjectName | None = None
    attempts: Annotated[int, Field(ge=0)] = 0
    start_time: Timestamp | None = None
    completion_time: Timestamp | None = None
    waiting: Waiting | None = None


EVALUATION: Final = Kind(
    kind="Evaluation",
    plural="evaluations",
    short_names=("ev",),
    spec=EvaluationSpec,
    status=EvaluationStatus,
    description="A candidate and its baseline measured on the same frozen rows, with paired uncertainty.",
    columns=(
        Column("Verdict", ".status.verdict"),
        Column("Candidate", ".spec.candidate"),
        Column("Baseline", ".spec.baseline", wide=True),
    ),
)
