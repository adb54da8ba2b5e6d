# SPDX-License-Identifier: Apache-2.0
"""The result document of a run as a pydantic model, and how the operator reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, FiniteFloat, ValidationError

from mlops_contract import limits
from mlops_contract.models.base import Digest, Section, Uri, Version
from mlops_contract.result import (
    MAX_ARTIFACTS,
    MAX_COUNT,
    MAX_COUNTS,
    MAX_METRICS,
    MAX_NOTE,
    MAX_NOTES,
    MAX_REPORTED_NAME,
    MAX_RESULT_BYTES,
    NAME_PATTERN,
    TIME_PATTERN,
    ResultInvalidError,
    sized,
)
from mlops_contract.text import clean, decode_json

Name = Annotated[str, Field(min_length=1, max_length=MAX_REPORTED_NAME, pattern=NAME_PATTERN)]
Note = Annotated[str, Field(max_length=MAX_NOTE)]
"""One sentence for the status about input that was not used and why."""

Time = Annotated[str, Field(pattern=TIME_PATTERN)]


class _Document(Section):
    # Unknown fields are ignored: a newer workload may report more than this reader knows.
    model_config = ConfigDict(extra="ignore")


class Artifact(_Document):
    """One file or folder the run produced. `size` is in bytes; `format` names how to load it."""

    name: Name
    uri: Uri
    digest: Digest
    format: Annotated[str, Field(max_length=64)] = ""
    size: Annotated[int, Field(ge=0, le=MAX_COUNT)] = 0


class DataDigest(_Document):
    """Digest of a data input as it was really read."""

    name: Name
    digest: Digest


class Report(_Document):
    """A longer document in the artifact store."""

    uri: Uri
    digest: Digest


class Result(_Document):
    """What one run reports. Metrics are finite numbers; counts are non-negative integers.

    Attributes:
        time: when the result was complete, with all artifacts saved.
    """

    v: Version = 1
    uid: Annotated[str, Field(min_length=1, max_length=128)]
    metrics: Annotated[dict[Name, FiniteFloat], Field(max_length=MAX_METRICS)] = {}
    counts: Annotated[dict[Name, Annotated[int, Field(ge=0, le=MAX_COUNT)]], Field(max_length=MAX_COUNTS)] = {}
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=MAX_ARTIFACTS)] = ()
    data: Annotated[tuple[DataDigest, ...], Field(max_length=limits.MAX_DATA_INPUTS)] = ()
    report: Report | None = None
    notes: Annotated[tuple[Note, ...], Field(max_length=MAX_NOTES)] = ()
    time: Time | None = None

    def to_message(self) -> str:
        """The document as compact JSON.

        Raises:
            ResultInvalidError: it would not fit into a termination message.
        """
        return sized(self.model_dump_json(exclude_none=True))


def parse_result(message: str, *, uid: str) -> Result:
    """The result in a termination `message` of the run `uid`.

    Raises:
        ResultInvalidError: the message states what was expected and what was found.
    """
    if not message.strip():
        raise ResultInvalidError("the container ended without a result: expected one JSON object")
    size = len(message.encode(errors="surrogatepass"))
    if size > MAX_RESULT_BYTES:
        raise ResultInvalidError(f"the result has {size} bytes, at most {MAX_RESULT_BYTES} are allowed")
    try:
        decode_json(message, finite=False)
        data = message.encode()
    except ValueError as error:
        raise ResultInvalidError(clean(f"the result is not JSON: {error}")) from error
    try:
        # Strict: a boolean or a string is no number. Only JSON input takes a list for a tuple then.
        result = Result.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ResultInvalidError(clean(f"the result is malformed at {clean(where, 200)}: {first['msg']}")) from error
    if result.uid != uid:
        raise ResultInvalidError(clean(f"the result is of run {result.uid!r}, expected {uid!r}"))
    return result
