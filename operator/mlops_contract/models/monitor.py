# SPDX-License-Identifier: Apache-2.0
"""What a monitor measures of one window."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_contract import limits
from mlops_contract.models.base import Moment, Section, Uri, Version, VersionName
from mlops_contract.moments import parse_moment


class LogSource(Section):
    """The folder with the prediction log."""

    uri: Uri


class Window(Section):
    """Half-open: start <= ts < end."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        start, end = parse_moment(self.start), parse_moment(self.end)
        if start is None or end is None or start >= end:
            raise ValueError(f"expected start before end, found {self.start} and {self.end}")
        return self


class MonitoredMetric(Section):
    """A metric over labels."""

    name: Annotated[str, Field(min_length=1, max_length=40)]


class MonitorRequest(Section):
    """What to measure; `version` restricts it to the rows that one model version answered."""

    log: LogSource
    window: Window
    metrics: Annotated[tuple[MonitoredMetric, ...], Field(min_length=1, max_length=limits.MAX_MONITORED)]
    version: VersionName | None = None
    v: Version = 1
