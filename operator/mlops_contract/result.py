"""The result document that a run leaves in its termination message.

A workload writes one JSON object of at most `MAX_RESULT_BYTES` bytes; the operator
reads it once, when the container has ended, and copies it into status. The kubelet
keeps 4096 bytes of a termination message; the limit below leaves room for multi-byte
characters that a truncation would otherwise cut.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from mlops_contract.text import clean, decode_json

RESULT_VERSION: Final = 1
MAX_RESULT_BYTES: Final = 3072
MAX_ARTIFACTS: Final = 8

MAX_COUNT: Final = 2**53
"""Beyond this a JSON number is no longer exact everywhere, and soon no integer for the API server."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
NAME_PATTERN: Final = r"^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.:/@=+%#!()\[\],<> -]*$"
"""A name of a metric, count, artifact or data input: letters, digits and usual punctuation, and no control character,
since names are printed by kubectl and become keys of a status."""

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=NAME_PATTERN)]
MAX_NOTES: Final = 8

Note = Annotated[str, Field(max_length=256)]
"""One sentence for the status about input that was not used and why."""

Uri = Annotated[str, Field(min_length=1, max_length=1024)]


class ResultInvalidError(ValueError):
    """A termination message that is not a result: absent, malformed, oversized or another run's."""


class _Document(BaseModel):
    # Unknown fields are ignored: a newer workload may say more than this reader knows.
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


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
    """What one run reports. Metrics are finite numbers; counts are non-negative integers."""

    v: Annotated[int, Field(ge=RESULT_VERSION, le=RESULT_VERSION)] = RESULT_VERSION
    uid: Annotated[str, Field(min_length=1, max_length=128)]
    metrics: Annotated[dict[Name, FiniteFloat], Field(max_length=128)] = {}
    counts: Annotated[dict[Name, Annotated[int, Field(ge=0, le=MAX_COUNT)]], Field(max_length=64)] = {}
    artifacts: Annotated[tuple[Artifact, ...], Field(max_length=MAX_ARTIFACTS)] = ()
    data: Annotated[tuple[DataDigest, ...], Field(max_length=16)] = ()
    report: Report | None = None
    notes: Annotated[tuple[Note, ...], Field(max_length=MAX_NOTES)] = ()

    def to_message(self) -> str:
        """The document as compact JSON.

        Raises:
            ResultInvalidError: it would not fit into a termination message.
        """
        message = self.model_dump_json(exclude_none=True)
        size = len(message.encode())
        if size > MAX_RESULT_BYTES:
            raise ResultInvalidError(
                f"the result has {size} bytes, at most {MAX_RESULT_BYTES} fit: report fewer metrics, "
                "or put the details into a report artifact"
            )
        return message


def parse_result(message: str, *, uid: str) -> Result:
    """The result in a termination `message` of the run `uid`.

    Raises:
        ResultInvalidError: with a sentence that says what was expected and what was found.
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
