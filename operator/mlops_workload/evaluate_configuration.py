"""The configuration of an evaluation, as the operator hands it to the Job."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mlops_workload.context import DataInput


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSource(_Section):
    """A model by URI, pinned by digest."""

    uri: str
    digest: str
    format: str = "sklearn"


class MetricRequest(_Section):
    """A metric to compute on one slice (all rows without one).

    `min`, `change` and `direction` are the rule the operator will apply. They are not applied
    here: they are accepted so that the report shows the rule beside the figures.
    """

    name: str
    slice: str | None = None
    min: float | None = None
    change: float | None = None
    direction: Literal["Maximize", "Minimize"] = "Maximize"
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @property
    def key(self) -> str:
        """`<metric>` or `<metric>@<slice>`: the prefix of its figures in the result."""
        return self.name if self.slice is None else f"{self.name}@{self.slice}"


class Bootstrap(_Section):
    """How often to resample, and the seed that makes it repeatable."""

    samples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    seed: Annotated[int, Field(ge=0)] = 7


class EvaluationConfiguration(_Section):
    """What to compare, on which rows, by which metrics."""

    candidate: ModelSource
    baseline: ModelSource | None = None
    data: Annotated[tuple[DataInput, ...], Field(min_length=1, max_length=16)]
    metrics: Annotated[tuple[MetricRequest, ...], Field(min_length=1, max_length=12)]
    bootstrap: Bootstrap = Bootstrap()

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [metric.key for metric in self.metrics]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"each metric and slice may be asked for once, found twice: {', '.join(twice)}")
        return self
