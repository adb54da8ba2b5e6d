# SPDX-License-Identifier: Apache-2.0
"""What a monitor measures of one window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Optional

from mlops_contract import limits
from mlops_contract.document import Document, Rule
from mlops_contract.fields import Uri, VersionName


@dataclass(frozen=True)
class LogSource(Document):
    """The folder with the prediction log."""

    title: ClassVar[str] = "log"

    uri: Uri


@dataclass(frozen=True)
class Window(Document):
    """Half-open: start <= ts < end."""

    title: ClassVar[str] = "window"

    start: datetime
    end: datetime

    def problem(self) -> str:
        """Whether the window has a length."""
        return "" if self.start < self.end else f"expected start before end, found {self.start} and {self.end}"


@dataclass(frozen=True)
class MonitoredMetric(Document):
    """A metric of `mlops_workload.metrics` over labels."""

    title: ClassVar[str] = "metric"

    name: Annotated[str, Rule(min_length=1, max_length=40)]


@dataclass(frozen=True)
class MonitorRequest(Document):
    """What to measure; `version` restricts it to the rows that one model version answered."""

    title: ClassVar[str] = "monitor request"

    log: LogSource
    window: Window
    metrics: Annotated[tuple[MonitoredMetric, ...], Rule(min_length=1, max_length=limits.MAX_MONITORED)]
    version: Optional[VersionName] = None
    v: Literal[1] = 1
