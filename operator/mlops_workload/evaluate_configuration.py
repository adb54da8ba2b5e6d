"""The configuration of an evaluation, as the operator hands it to the Job."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops_workload.context import DataInput
from mlops_workload.recent import RecentSource
from mlops_workload.rows import Columns


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HashesSource(_Section):
    """The hashes of a model's training rows (`mlops_workload.row_hashes`), pinned by digest."""

    uri: str
    digest: str


class ModelSource(_Section):
    """A model by URI, pinned by digest, and the hashes of its training rows, if it has them."""

    uri: str
    digest: str
    format: str = "sklearn"
    rows: HashesSource | None = None


class MetricRequest(_Section):
    """A rule: a metric on one slice (all rows without one), and the bounds its p-values are about.

    The p-values are figures; whether one is small enough is for the operator to decide.
    """

    name: str
    slice: str | None = None
    min: float | None = None
    max: float | None = None
    change: float | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @property
    def key(self) -> str:
        """`<metric>` or `<metric>@<slice>`: the rule's name in reports."""
        return self.name if self.slice is None else f"{self.name}@{self.slice}"


class EvaluationConfiguration(_Section):
    """What to compare, on which rows, by which metrics."""

    candidate: ModelSource
    baseline: ModelSource | None = None
    data: Annotated[tuple[DataInput, ...], Field(max_length=16)] = ()
    recent: RecentSource | None = None
    metrics: Annotated[tuple[MetricRequest, ...], Field(min_length=1, max_length=12)]
    columns: Columns = Columns()

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        if not self.data and self.recent is None:
            raise ValueError("expected data, recent, or both, found neither")
        return self

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [metric.key for metric in self.metrics]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"each metric and slice may be asked for once, found twice: {', '.join(twice)}")
        return self
