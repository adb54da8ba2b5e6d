# SPDX-License-Identifier: Apache-2.0
"""Mistakes in files, as their user reads of them: what a run reports, in the words of the object's status.

The rows are numbered as in `tests/integration/mistakes`.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_operator.api.modelmonitor import MonitoredMetric
from mlops_operator.controllers.modelmonitor.policies.verdict import Standing, judge, overall
from mlops_workload.monitor import main

from .conftest import RunEnvironment

METRIC = MonitoredMetric.model_validate({"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100})
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROW: dict[str, Any] = {"ts": "2026-01-01T12:30:00Z", "model_version": "digits-a", "prediction": 3, "label": 3}
CONFIGURATION: dict[str, Any] = {
    "log": {"uri": "pvc://store/log"},
    "window": {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T13:00:00Z"},
    "version": "digits-a",
    "metrics": [{"name": "accuracy"}],
}


def message(run_environment: RunEnvironment) -> str:
    """The message of the condition `Breached` after the window was measured."""
    run_environment.set("MLOPS_MONITOR", json.dumps(CONFIGURATION))
    assert main() == 0
    return overall([judge(METRIC, run_environment.result, Standing(size=3600, min_labeled_share=0.5))]).message


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (
            "a.jsonl",
            {"ts": int(START.timestamp() * 1000)},
            "no rows; not used: 200 rows: times look like milliseconds since 1970, expected RFC 3339 or seconds"
            " (first: a.jsonl:1)",
        ),
        (
            "a.jsonl",
            {"model_version": "digits-b"},
            'no rows; not used: 200 rows of other model versions ("digits-b" 200), expected digits-a',
        ),
        ("a.json", {}, "no rows; not used: 1 file without the ending .jsonl: a.json"),
    ],
    ids=["36: milliseconds", "36: another version", "36: another ending"],
)
def test_rows_that_are_not_used_are_told_in_the_first_window_and_used_when_corrected(
    tmp_path: Path, run_environment: RunEnvironment, name: str, change: dict[str, Any], says: str
) -> None:
    folder = tmp_path / "pvc/store/log"
    folder.mkdir(parents=True)
    (folder / name).write_text((json.dumps(ROW | change) + "\n") * 200)
    assert says in message(run_environment)
    (folder / name).unlink()
    (folder / "b.jsonl").write_text("".join(json.dumps(ROW | {"id": str(row)}) + "\n" for row in range(200)))
    assert message(run_environment) == "accuracy: 1 is within its limits (n 200)"
