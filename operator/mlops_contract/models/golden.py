# SPDX-License-Identifier: Apache-2.0
"""Which servers are asked which golden requests."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, PlainSerializer, model_validator

from mlops_contract import limits
from mlops_contract.models.base import Digest, Section, Uri, Version, VersionName
from mlops_contract.requests.golden import MAX_ENDPOINTS, MAX_READY_TIMEOUT_SECONDS, READY_TIMEOUT_SECONDS

_SHORT: Final = PlainSerializer(
    lambda seconds: int(seconds) if float(seconds).is_integer() else seconds, return_type=float
)
"""Whole seconds are sent as whole numbers."""


class RequestsSource(Section):
    """The golden requests by URI, pinned by digest."""

    uri: Uri
    digest: Digest


class GoldenCheck(Section):
    """The requests and the servers; see `mlops_contract.requests.golden`."""

    model_config = ConfigDict(protected_namespaces=())

    model: VersionName
    url: Uri | None = None
    endpoints: Annotated[tuple[Uri, ...], Field(max_length=MAX_ENDPOINTS)] = ()
    requests: RequestsSource | None = None
    model_version: VersionName | None = None
    max_latency_seconds: Annotated[float, Field(gt=0), _SHORT] | None = None
    ready_timeout_seconds: Annotated[float, Field(gt=0, le=MAX_READY_TIMEOUT_SECONDS), _SHORT] = READY_TIMEOUT_SECONDS
    tolerance: Annotated[float, Field(ge=0, le=limits.MAX_TOLERANCE)] = limits.TOLERANCE
    v: Version = 1

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.url is None) == (not self.endpoints):
            raise ValueError("expected url or endpoints, found both or neither")
        return self
