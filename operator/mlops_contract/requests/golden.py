# SPDX-License-Identifier: Apache-2.0
"""Which servers are asked which golden requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Optional

from mlops_contract import limits
from mlops_contract.document import Document, Rule
from mlops_contract.fields import Digest, Uri, VersionName

MAX_ENDPOINTS = 1000
READY_TIMEOUT_SECONDS = 120.0
MAX_READY_TIMEOUT_SECONDS = 3600.0


@dataclass(frozen=True)
class RequestsSource(Document):
    """The golden requests by URI, pinned by digest."""

    title: ClassVar[str] = "source of golden requests"

    uri: Uri
    digest: Digest


@dataclass(frozen=True)
class GoldenCheck(Document):
    """The requests and the servers.

    Either `url`, behind which any number of servers may be, or `endpoints`, the base URL of each server.
    With `endpoints` the requests are distributed in rotation, and are repeated where there are more servers than
    requests. Without `requests` only readiness is checked. With `model_version`, an answer by another
    version is an error. Answers slower than `max_latency_seconds` are counted as `slow`.
    """

    title: ClassVar[str] = "golden check"

    model: VersionName
    url: Optional[Uri] = None
    endpoints: Annotated[tuple[Uri, ...], Rule(max_length=MAX_ENDPOINTS)] = ()
    requests: Optional[RequestsSource] = None
    model_version: Optional[VersionName] = None
    max_latency_seconds: Optional[Annotated[float, Rule(gt=0)]] = None
    ready_timeout_seconds: Annotated[float, Rule(gt=0, le=MAX_READY_TIMEOUT_SECONDS)] = READY_TIMEOUT_SECONDS
    tolerance: Annotated[float, Rule(ge=0, le=limits.MAX_TOLERANCE)] = limits.TOLERANCE
    v: Literal[1] = 1

    @property
    def targets(self) -> tuple[str, ...]:
        """The base URLs that are asked, each at least once."""
        return self.endpoints if self.url is None else (self.url,)

    def problem(self) -> str:
        """Whether exactly one of `url` and `endpoints` is there."""
        return "expected url or endpoints, found both or neither" if (self.url is None) == (not self.endpoints) else ""
