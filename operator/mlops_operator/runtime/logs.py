# SPDX-License-Identifier: Apache-2.0
"""Logs: one line a fact; a constant message, what varies in fields beside it."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

FORMATS: Final = ("json", "text")

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "settings"}
"""Attributes that every record has, and what kopf adds for itself; all others are fields of the fact."""

_FACTS: Final = "facts"
"""The attribute under which `facts` are in a record."""

_RESERVED: Final = frozenset({"ts", "level", "logger", "msg", "traceback"})
"""Keys of a line of JSON that no field has."""


def configure_logging(*, level: str, format: str) -> None:
    """Send every log line to standard error, in one format.

    Args:
        level: a level's name, e.g. `INFO`.
        format: `json` (one object a line) or `text` (for eyes).
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Python's own warnings too: a line in another format would end a reader of JSON lines.
    logging.captureWarnings(True)
    # kopf logs at INFO and ERROR what the adapter logs once, with the consequence.
    logging.getLogger("kopf").setLevel(logging.CRITICAL if level.upper() != "DEBUG" else logging.DEBUG)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def facts(**values: object) -> dict[str, object]:
    """`extra` of a log call with fields of any name: `name` and `message` are attributes that a record has already."""
    return {_FACTS: values}


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller put beside the message."""
    found = {name: value for name, value in vars(record).items() if name not in _STANDARD and not name.startswith("_")}
    named: dict[str, Any] = found.pop(_FACTS, {})
    return {**named, **found}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `ts`, `level`, `logger`, `msg`, the fields, `traceback` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **{name: value for name, value in fields(record).items() if name not in _RESERVED},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str, ensure_ascii=False)
        # Some readers end a line at other characters than a line feed, such as U+2028.
        return text if text.isprintable() else json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """`time LEVEL message key=value ...`"""

    def format(self, record: logging.LogRecord) -> str:
        """The line, followed by a traceback where there is one."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        beside = "".join(f" {name}={_on_one_line(value)}" for name, value in fields(record).items())
        line = f"{moment} {record.levelname:<7} {_printable(record.getMessage())}{beside}"
        return f"{line}\n{_indented(self.formatException(record.exc_info))}" if record.exc_info else line


def _on_one_line(value: object) -> str:
    """The value as text; quoted and escaped where it has line breaks or other control characters.

    A field with `=` or a quote is quoted as well, so that no text looks like a field of its own.
    """
    text = str(value)
    if text.isprintable() and not any(mark in text for mark in '="'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _indented(traceback: str) -> str:
    """A traceback, whose last lines quote the error's text, with no line that begins as a line of the log does."""
    return "\n".join(f"    {_printable(line)}" for line in traceback.split("\n"))


def _printable(line: str) -> str:
    return line if line.isprintable() else json.dumps(line)[1:-1]
