# SPDX-License-Identifier: Apache-2.0
"""What all models of the contract have in common."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mlops_contract import limits
from mlops_contract.moments import MOMENT_PATTERN, parse_moment

Digest = Annotated[str, Field(pattern=limits.DIGEST_PATTERN)]
"""`sha256:` and 64 hexadecimal digits."""

Uri = Annotated[str, Field(min_length=1, max_length=limits.MAX_URI)]
"""Where something is: with a scheme, or a path of the container."""

EntryName = Annotated[str, Field(min_length=1, max_length=limits.MAX_NAME)]
"""Name of a data input or a slice."""

VersionName = Annotated[str, Field(min_length=1, max_length=limits.MAX_VERSION_NAME)]

Bound = Annotated[float, Field(ge=-limits.MAX_BOUND, le=limits.MAX_BOUND)]

Version = Annotated[int, Field(ge=1, le=1)]
"""Of a document. A literal would take true for 1."""

Share = Annotated[float, Field(gt=0, lt=1)]


def _moment(text: str) -> str:
    if parse_moment(text) is None:
        raise ValueError(f"expected a time such as 2026-01-31T12:00:00Z, found {text!r}")
    return text


Moment = Annotated[str, Field(pattern=MOMENT_PATTERN), AfterValidator(_moment)]
"""A time with an offset."""


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None: only those are sent."""
    return {name: value for name, value in fields.items() if value is not None}


class Section(BaseModel):
    """A document or a section of one; in JSON its fields have names in camelCase."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, alias_generator=to_camel, validate_by_name=True
    )

    def to_document(self) -> dict[str, Any]:
        """What was set, as a value of JSON: what has its default is not sent, so that a new field changes no Job."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
