"""The prediction log: what a served model answered, and later what would have been right.

A folder of JSON-lines files (`*.jsonl`), appended to while it is read. A row is
`{"ts", "id"?, "model_version", "prediction", "label"?}`: `ts` is RFC 3339 or seconds since the
epoch; `prediction` is null for a request that got no answer; `label` is absent or null until
it is known. A row with the `id` of an earlier one replaces it, so a label may arrive later by
writing the row again.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

CLOCK_SKEW_SECONDS: Final = 300.0
"""A file last written that much before a window begins holds no row of it, even if the writer's clock is off."""

Label = str | int | float | bool


class LogRow(NamedTuple):
    """One answered or unanswered request. `time` is in seconds since the epoch."""

    time: float
    model_version: str
    prediction: Label | None
    label: Label | None


class LogWindow(NamedTuple):
    """The rows of a window.

    `malformed` counts lines that are no row, whatever their time may be; `replaced` counts rows
    that a later one with the same id took the place of. `digest` is over the lines that were used.
    """

    rows: tuple[LogRow, ...]
    malformed: int
    replaced: int
    digest: str


def read_window(folder: Path, *, start: datetime, end: datetime, model_version: str | None = None) -> LogWindow:
    """Rows with start <= ts < end, of one model version if given."""
    first, last = start.timestamp(), end.timestamp()
    rows: dict[str, LogRow] = {}
    malformed = replaced = 0
    used = hashlib.sha256()
    for file, number, line in _lines(folder, since=first - CLOCK_SKEW_SECONDS):
        parsed = parse_row(line)
        if parsed is None:
            # The writer may be in the middle of a last line that has no end yet: not a mistake.
            malformed += line.endswith(b"\n")
            continue
        identity, row = parsed
        if not first <= row.time < last or model_version not in {None, row.model_version}:
            continue
        key = identity if identity is not None else f"{file.name}:{number}"
        replaced += key in rows
        rows[key] = row
        used.update(line.rstrip(b"\n") + b"\n")
    return LogWindow(tuple(rows.values()), malformed, replaced, f"sha256:{used.hexdigest()}")


def parse_row(line: bytes) -> tuple[str | None, LogRow] | None:
    """Identity and content of a row; None if the line is none."""
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            return None
        identity = document.get("id")
        row = LogRow(
            time=_seconds(document["ts"]),
            model_version=str(document.get("model_version") or ""),
            prediction=_scalar(document["prediction"]),
            label=_scalar(document.get("label")),
        )
    except (ValueError, KeyError, TypeError):
        return None
    return (None if identity is None else str(identity)), row


def _lines(folder: Path, *, since: float) -> Iterator[tuple[Path, int, bytes]]:
    for path in _log_files(folder):
        if path.stat().st_mtime < since:
            continue
        with path.open("rb") as stream:
            for number, line in enumerate(stream):
                if line.strip():
                    yield path, number, line


def _log_files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*.jsonl") if path.is_file())


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"expected a time, found {value!r}")
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        # Without an offset the reader's time zone would decide: UTC is what servers write.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise ValueError(f"expected a finite time, found {value}")
    return float(value)


def _scalar(value: Any) -> Label | None:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"expected a label or null, found {type(value).__name__}")
