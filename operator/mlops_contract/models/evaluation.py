# SPDX-License-Identifier: Apache-2.0
"""What an evaluation measures."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_contract import limits
from mlops_contract.models.base import Bound, Digest, EntryName, Moment, Section, Uri, Version
from mlops_contract.models.run import DataInput, Holdout
from mlops_contract.moments import parse_moment

ColumnName = Annotated[str, Field(min_length=1, max_length=limits.MAX_COLUMN)]


class HashesSource(Section):
    """The hashes of a model's training rows, pinned by digest."""

    uri: Uri
    digest: Digest


class ModelSource(Section):
    """A model by URI, pinned by digest, and the hashes of its training rows, if it has them."""

    uri: Uri
    digest: Digest
    format: Annotated[str, Field(max_length=64)] = "sklearn"
    rows: HashesSource | None = None


class MetricRequest(Section):
    """A rule: a metric on one slice (all rows without one), and what it asks for."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    slice: EntryName | None = None
    min: Bound | None = None
    max: Bound | None = None
    change: Bound | None = None
    confidence: Annotated[float, Field(ge=limits.MIN_CONFIDENCE, le=limits.MAX_CONFIDENCE)] = limits.CONFIDENCE
    min_count: Annotated[int, Field(ge=1, le=limits.MAX_MIN_COUNT)] = limits.MIN_COUNT


class Columns(Section):
    """Names of the columns that are neither label nor feature."""

    id: ColumnName | None = None
    group: ColumnName | None = None


class RecentSource(Section):
    """Which rows of a prediction log are gate data: those with start <= ts < end that are held out."""

    name: EntryName
    uri: Uri
    start: Moment
    end: Moment
    holdout: Holdout
    after: Moment | None = None
    slice: EntryName = limits.RECENT_SLICE

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        start, end = parse_moment(self.start), parse_moment(self.end)
        if start is None or end is None or start >= end:
            raise ValueError(f"expected start before end, found {self.start} and {self.end}")
        return self


class EvaluationRequest(Section):
    """What to compare, on which rows, by which metrics."""

    candidate: ModelSource
    metrics: Annotated[tuple[MetricRequest, ...], Field(min_length=1, max_length=limits.MAX_RULES)]
    baseline: ModelSource | None = None
    data: Annotated[tuple[DataInput, ...], Field(max_length=limits.MAX_GATE_DATA)] = ()
    recent: RecentSource | None = None
    columns: Columns = Columns()
    v: Version = 1

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.data and self.recent is None:
            raise ValueError("expected data, recent, or both, found neither")
        keys = [(metric.name, metric.slice) for metric in self.metrics]
        if len(set(keys)) < len(keys):
            raise ValueError("each metric and slice may be asked for once, found one twice")
        return self
