# SPDX-License-Identifier: Apache-2.0
"""One line of a prediction log: its fields, checked one by one.

docs/reference/formats/prediction-log.md describes the format. A field that cannot be used does not make the other
fields useless: a row whose time has an unknown unit still carries the label of its id.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

FORMAT_VERSION: Final = 1
"""Value of the optional field `v`."""

MAX_LINE_BYTES: Final = 1 << 20
"""A longer line is malformed; it is not held in memory."""

MAX_ID_LENGTH: Final = 1024
MAX_VERSION_LENGTH: Final = 253
"""Longest name of an object in Kubernetes."""

Label = str | int | float | bool


class Problem(StrEnum):
    """Why a line or one of its fields is not used. The value is the clause that follows the number of rows."""

    NOT_AN_OBJECT = "malformed: expected one JSON object a line"
    TOO_LONG = "malformed: longer than 1 MiB"
    NO_FIELDS = "malformed: neither prediction nor label"
    NO_TIME = "malformed: no ts"
    INVALID_ID = "malformed: id is not text of at most 1,024 characters, a whole number or null"
    LABEL_WITHOUT_ID = "malformed: a label without prediction needs an id"
    UNKNOWN_FORMAT = "another format version than v 1"
    MILLISECONDS = "times look like milliseconds since 1970, expected RFC 3339 or seconds"
    MICROSECONDS = "times look like microseconds since 1970, expected RFC 3339 or seconds"
    NANOSECONDS = "times look like nanoseconds since 1970, expected RFC 3339 or seconds"
    INVALID_TIME = "ts is no time, expected RFC 3339 or seconds since 1970"
    NO_MODEL_VERSION = "no model_version"
    INVALID_PREDICTION = (
        "the prediction is a list, an object or empty text, expected one label (text, number or boolean)"
    )
    INVALID_LABEL = "the label is a list, an object or empty text, expected text, a number, a boolean or null"
    KINDS_DIFFER = "the label is text and the prediction a number, or the reverse"


UNITS: Final = ((1e11, None), (1e14, Problem.MILLISECONDS), (1e17, Problem.MICROSECONDS), (1e20, Problem.NANOSECONDS))
"""Upper bounds of a number of seconds, milliseconds, microseconds and nanoseconds since 1970: year 5138 at the latest.
Below them the dates of one unit after 1973 never overlap with those of the next."""

RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*", re.ASCII | re.DOTALL)


class Entry(NamedTuple):
    """The fields of one line.

    Attributes:
        identity: the `id`, as text.
        time: seconds since 1970; None where there is no time, or where `time_problem` describes why it is not usable.
        zoneless: the time has no offset from UTC and was read as UTC.
        version: `model_version`; empty where it is absent.
        predicts: the line has the field `prediction`, whatever its value.
        prediction: None for a request without an answer.
        label: None while it is not known.
    """

    identity: str | None
    time: float | None
    time_problem: Problem | None
    zoneless: bool
    version: str
    predicts: bool
    prediction: Label | None
    prediction_problem: Problem | None
    label: Label | None
    label_problem: Problem | None

    @property
    def answered(self) -> bool:
        """Whether the model gave an answer, usable or not."""
        return self.prediction is not None or self.prediction_problem is not None


def parse_line(line: bytes) -> Entry | Problem:
    """The fields of a line, or why it has none. Raises nothing, whatever the line holds."""
    document = read_document(line)
    return Problem.NOT_AN_OBJECT if document is None else parse_document(document)


def parse_document(document: Mapping[str, Any]) -> Entry | Problem:
    """The fields of a line that is a JSON object, or why they are of no use."""
    form = document.get("v")
    if form is not None and (isinstance(form, bool) or form != FORMAT_VERSION):
        return Problem.UNKNOWN_FORMAT
    try:
        identity = identity_of(document)
    except TypeError:
        return Problem.INVALID_ID
    entry = _entry(document, identity)
    return _incomplete(entry, document) or entry


def identity_of(document: Mapping[str, Any]) -> str | None:
    """The `id` as text; None where it is absent, null or NaN. A whole number may be written as 5 or 5.0.

    Raises:
        TypeError: it is something else, or too long.
    """
    value = document.get("id")
    if isinstance(value, float):
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, (bool, float)) or not (value is None or isinstance(value, (str, int))):
        raise TypeError(f"expected text or a whole number, found {type(value).__name__}")
    if value is not None and len(str(value)) > MAX_ID_LENGTH:
        raise TypeError(f"expected at most {MAX_ID_LENGTH} characters, found {len(str(value))}")
    return None if value is None else str(value)


def kind(value: Label) -> str:
    """Whether a label is `text` or a `number`; a boolean is the number 0 or 1."""
    return "text" if isinstance(value, str) else "number"


def read_document(line: bytes) -> dict[str, Any] | None:
    """The JSON object in a line; None if it is none."""
    try:
        document = json.loads(line.removeprefix(codecs.BOM_UTF8).decode())
        if b"\\u" in line:
            # An escaped lone surrogate passes the JSON reader, and then no file or message can hold it.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _entry(document: Mapping[str, Any], identity: str | None) -> Entry:
    time, time_problem, zoneless = _time(document.get("ts"))
    prediction, odd_prediction = _scalar(document.get("prediction"))
    label, odd_label = _scalar(document.get("label"))
    version = document.get("model_version")
    if isinstance(version, float) and math.isnan(version):
        version = None
    return Entry(
        identity=identity,
        time=time,
        time_problem=time_problem,
        zoneless=zoneless,
        version="" if version is None else str(version)[:MAX_VERSION_LENGTH],
        predicts="prediction" in document,
        prediction=prediction,
        prediction_problem=Problem.INVALID_PREDICTION if odd_prediction else None,
        label=label,
        label_problem=Problem.INVALID_LABEL if odd_label else None,
    )


def _incomplete(entry: Entry, document: Mapping[str, Any]) -> Problem | None:
    """What makes the whole line useless."""
    if entry.predicts:
        timed = entry.time is not None or entry.time_problem is not None
        labels = entry.identity is not None and entry.label is not None
        return None if timed or labels else Problem.NO_TIME
    if "label" not in document:
        return Problem.NO_FIELDS
    return Problem.LABEL_WITHOUT_ID if entry.identity is None else None


def _time(value: Any) -> tuple[float | None, Problem | None, bool]:
    """Seconds since 1970, or why there are none, and whether an offset was missing."""
    if value is None:
        return None, None, False
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        return _calendar_time(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, Problem.INVALID_TIME, False
    for bound, problem in UNITS:
        if 0 <= value < bound:
            return (float(value), None, False) if problem is None else (None, problem, False)
    return None, Problem.INVALID_TIME, False


def _calendar_time(value: str) -> tuple[float | None, Problem | None, bool]:
    try:
        moment = datetime.fromisoformat(value.upper())
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.timestamp(), None, moment.tzinfo is None
    except (ValueError, OverflowError):
        return None, Problem.INVALID_TIME, False


def _scalar(value: Any) -> tuple[Label | None, bool]:
    """The label, None where there is none, and whether the value cannot be one.

    NaN and the infinities are how some writers spell a missing value; JSON has no such numbers.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None, False
    if isinstance(value, str) and not value.strip():
        return None, True
    if isinstance(value, (str, int, float)):
        return value, False
    return None, True
