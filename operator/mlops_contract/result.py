# SPDX-License-Identifier: Apache-2.0
"""The result document that a run leaves in its termination message.

A workload writes one JSON object of at most `MAX_RESULT_BYTES` bytes; the operator
reads it once, when the container has ended, and copies it into status. The kubelet
keeps 4096 bytes of a termination message; the limit below leaves room for multi-byte
characters that a truncation would otherwise cut.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal, Optional

from mlops_contract import limits
from mlops_contract.document import Document, Rule
from mlops_contract.fields import Digest, Uri

RESULT_VERSION: Final = 1
MAX_RESULT_BYTES: Final = 3072
MAX_ARTIFACTS: Final = 8
MAX_METRICS: Final = 128
MAX_COUNTS: Final = 64
MAX_NOTES: Final = 8
MAX_NOTE: Final = 256
"""Characters of a note."""

MAX_COUNT: Final = 2**53
"""Beyond this a JSON number is no longer exact everywhere, and soon no integer for the API server."""

NAME_PATTERN: Final = r"^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.:/@=+%#!()\[\],<> -]*$"
"""A name of a metric, count, artifact or data input: letters, digits and usual punctuation, and no control character,
since names are printed by kubectl and become keys of a status."""

MAX_REPORTED_NAME: Final = 128
_PUNCTUATION: Final = frozenset("_.:/@=+%#!()[],<> -")


def is_name(text: str) -> bool:
    """Whether a text, which is not empty, fits `NAME_PATTERN`."""
    kinds = [unicodedata.category(character)[0] for character in text]
    begins = kinds[0] in "LN" or text[0] == "_"
    return begins and all(kind in "LNM" or character in _PUNCTUATION for kind, character in zip(kinds, text))


Name = Annotated[str, Rule(min_length=1, max_length=MAX_REPORTED_NAME), Rule(pattern=NAME_PATTERN, matches=is_name)]
MetricCount = Annotated[int, Rule(ge=0, le=MAX_COUNT)]

Note = Annotated[str, Rule(max_length=MAX_NOTE)]
"""One sentence for the status about input that was not used and why."""

TIME_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
"""A time in UTC as RFC 3339 has it, in whole seconds."""

Time = Annotated[str, Rule(pattern=TIME_PATTERN)]


class ResultInvalidError(ValueError):
    """A termination message that is not a result: absent, malformed, oversized or another run's."""


@dataclass(frozen=True)
class Artifact(Document):
    """One file or folder the run produced. `size` is in bytes; `format` names how to load it."""

    title: ClassVar[str] = "artifact"
    ignores_unknown: ClassVar[bool] = True

    name: Name
    uri: Uri
    digest: Digest
    format: Annotated[str, Rule(max_length=64)] = ""
    size: Annotated[int, Rule(ge=0, le=MAX_COUNT)] = 0


@dataclass(frozen=True)
class DataDigest(Document):
    """Digest of a data input as it was really read."""

    title: ClassVar[str] = "digest of a data input"
    ignores_unknown: ClassVar[bool] = True

    name: Name
    digest: Digest


@dataclass(frozen=True)
class Report(Document):
    """A longer document in the artifact store."""

    title: ClassVar[str] = "report"
    ignores_unknown: ClassVar[bool] = True

    uri: Uri
    digest: Digest


@dataclass(frozen=True)
class Result(Document):
    """What one run reports. Metrics are finite numbers; counts are non-negative integers.

    Attributes:
        time: when the result was complete, with all artifacts saved.
    """

    title: ClassVar[str] = "result"
    ignores_unknown: ClassVar[bool] = True

    uid: Annotated[str, Rule(min_length=1, max_length=128)]
    metrics: Annotated[dict[Name, float], Rule(max_length=MAX_METRICS)] = field(default_factory=dict)
    counts: Annotated[dict[Name, MetricCount], Rule(max_length=MAX_COUNTS)] = field(default_factory=dict)
    artifacts: Annotated[tuple[Artifact, ...], Rule(max_length=MAX_ARTIFACTS)] = ()
    data: Annotated[tuple[DataDigest, ...], Rule(max_length=limits.MAX_DATA_INPUTS)] = ()
    report: Optional[Report] = None
    notes: Annotated[tuple[Note, ...], Rule(max_length=MAX_NOTES)] = ()
    time: Optional[Time] = None
    v: Literal[1] = 1

    def to_message(self) -> str:
        """The document as compact JSON.

        Raises:
            ResultInvalidError: it would not fit into a termination message.
        """
        return sized(self.to_json())


def sized(message: str) -> str:
    """The message of a result.

    Raises:
        ResultInvalidError: it would not fit into a termination message.
    """
    size = len(message.encode())
    if size > MAX_RESULT_BYTES:
        raise ResultInvalidError(
            f"the result has {size} bytes, at most {MAX_RESULT_BYTES} fit: report fewer metrics, "
            "or put the details into a report artifact"
        )
    return message
