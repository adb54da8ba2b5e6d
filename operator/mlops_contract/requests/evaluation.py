# SPDX-License-Identifier: Apache-2.0
"""What an evaluation measures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Optional

from mlops_contract import limits
from mlops_contract.document import Document, Rule
from mlops_contract.fields import Bound, Digest, EntryName, Uri
from mlops_contract.requests.run import DataInput, Holdout

ColumnName = Annotated[str, Rule(min_length=1, max_length=limits.MAX_COLUMN)]


@dataclass(frozen=True)
class HashesSource(Document):
    """The hashes of a model's training rows (`mlops_workload.row_hashes`), pinned by digest."""

    title: ClassVar[str] = "source of row hashes"

    uri: Uri
    digest: Digest


@dataclass(frozen=True)
class ModelSource(Document):
    """A model by URI, pinned by digest, and the hashes of its training rows, if it has them."""

    title: ClassVar[str] = "model"

    uri: Uri
    digest: Digest
    format: Annotated[str, Rule(max_length=64)] = "sklearn"
    rows: Optional[HashesSource] = None


@dataclass(frozen=True)
class MetricRequest(Document):
    """A rule: a metric on one slice (all rows without one), and the bounds its p-values are about.

    The p-values are figures; whether one is small enough, and whether `min_count` rows are there, is for the operator
    to decide. `min_count` is for the report.
    """

    title: ClassVar[str] = "metric"

    name: Annotated[str, Rule(min_length=1, max_length=40)]
    slice: Optional[EntryName] = None
    min: Optional[Bound] = None
    max: Optional[Bound] = None
    change: Optional[Bound] = None
    confidence: Annotated[float, Rule(ge=limits.MIN_CONFIDENCE, le=limits.MAX_CONFIDENCE)] = limits.CONFIDENCE
    min_count: Annotated[int, Rule(ge=1, le=limits.MAX_MIN_COUNT)] = limits.MIN_COUNT

    @property
    def key(self) -> str:
        """`<metric>` or `<metric>@<slice>`: the rule's name in reports."""
        return self.name if self.slice is None else f"{self.name}@{self.slice}"


@dataclass(frozen=True)
class Columns(Document):
    """Names of the columns that are neither label nor feature.

    `id` identifies a row; without it the column `row` does, where there is one. Rows with the same
    `group` depend on each other (one user, one machine, one image). Where `group` is None every row
    is a group of its own.
    """

    title: ClassVar[str] = "choice of columns"

    id: Optional[ColumnName] = None
    group: Optional[ColumnName] = None


@dataclass(frozen=True)
class RecentSource(Document):
    """Which rows of a prediction log are gate data: those with start <= ts < end that are held out.

    `after` is the time of the newest row of the former measurement; rows after it are counted as new.
    """

    title: ClassVar[str] = "source of recent rows"

    name: EntryName
    uri: Uri
    start: datetime
    end: datetime
    holdout: Holdout
    after: Optional[datetime] = None
    slice: EntryName = limits.RECENT_SLICE

    def problem(self) -> str:
        """Whether the window has a length."""
        return "" if self.start < self.end else f"expected start before end, found {self.start} and {self.end}"


@dataclass(frozen=True)
class EvaluationRequest(Document):
    """What to compare, on which rows, by which metrics."""

    title: ClassVar[str] = "evaluation request"

    candidate: ModelSource
    metrics: Annotated[tuple[MetricRequest, ...], Rule(min_length=1, max_length=limits.MAX_RULES)]
    baseline: Optional[ModelSource] = None
    data: Annotated[tuple[DataInput, ...], Rule(max_length=limits.MAX_GATE_DATA)] = ()
    recent: Optional[RecentSource] = None
    columns: Columns = Columns()
    v: Literal[1] = 1

    def problem(self) -> str:
        """Whether there are rows, and one rule for each metric and slice."""
        if not self.data and self.recent is None:
            return "expected data, recent, or both, found neither"
        keys = [metric.key for metric in self.metrics]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        return f"each metric and slice may be asked for once, found twice: {', '.join(twice)}" if twice else ""
