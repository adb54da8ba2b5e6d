# SPDX-License-Identifier: Apache-2.0
"""Lines of a prediction log, and the window that is read from them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_workload.prediction_log import LogWindow, read_window
from mlops_workload.prediction_log_notes import notes

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
END = datetime(2026, 1, 1, 13, 0, tzinfo=UTC)
INSIDE = START.timestamp() + 60
LONG_AGO = START.timestamp() - 3601


def line(**fields: Any) -> str:
    return json.dumps({"ts": INSIDE, "model_version": "a", "prediction": 1, "label": 1} | fields) + "\n"


def bare(**fields: Any) -> str:
    return json.dumps(fields) + "\n"


def read(folder: Path, version: str | None = "a") -> LogWindow:
    return read_window(folder, start=START, end=END, model_version=version)


def window(folder: Path, *lines: str, version: str | None = "a") -> LogWindow:
    (folder / "log.jsonl").write_text("".join(lines))
    return read(folder, version)


def labels(found: LogWindow) -> list[Any]:
    return [row.label for row in found.rows]


def named(found: LogWindow) -> str:
    return "; ".join(notes(found, version="a"))
