"""Measure a served model on one window of its prediction log.

`python -m mlops_workload.monitor` reads its configuration (`MonitorConfiguration`) from
`MLOPS_MONITOR`. It reports figures and never a verdict.

The result holds the metrics over the labelled rows, and the counts `rows` (answered),
`labelled`, `unanswered`, `malformed` and `replaced` (see `mlops_workload.prediction_log`). With
no labelled row there is no metric, and that is success: whether it matters is the operator's
to say. The data digest `log` is over the lines that were used.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from mlops_contract import DataDigest, Result, environment
from mlops_workload.context import read_configuration, require_uid
from mlops_workload.errors import DataInvalidError, DataNotFoundError, MetricInvalidError
from mlops_workload.evaluate_report import confusion
from mlops_workload.fetch import as_data
from mlops_workload.metrics import Metric, metric_named
from mlops_workload.prediction_log import Label, LogRow, LogWindow, read_window
from mlops_workload.report import publish_report
from mlops_workload.store import copy_in
from mlops_workload.termination import run_command, write_message
from mlops_workload.uri import local_path

LOG_NAME: Final = "log"
"""Under which the digest of the rows that were used is reported."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LogSource(_Section):
    """The folder with the prediction log."""

    uri: str


class Window(_Section):
    """Half-open: start <= ts < end."""

    start: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.start >= self.end:
            raise ValueError(f"expected start before end, found {self.start} and {self.end}")
        return self


class MetricName(_Section):
    """A metric of `mlops_workload.metrics` over labels."""

    name: str


class MonitorConfiguration(_Section):
    """What to measure; `version` restricts it to the rows one model version answered."""

    log: LogSource
    window: Window
    version: str | None = None
    metrics: Annotated[tuple[MetricName, ...], Field(min_length=1, max_length=16)]


def measure(configuration: MonitorConfiguration, *, uid: str, scratch: Path, environ: Mapping[str, str]) -> Result:
    """Measure one window; what to tell the operator.

    Raises:
        DataNotFoundError: the log is not there.
        DataInvalidError: labels and predictions are of different kinds.
        MetricInvalidError: no such metric, or it needs probabilities, which a log does not hold.
    """
    metrics = [_label_metric(entry.name) for entry in configuration.metrics]
    window = _read_log(configuration, scratch=scratch, environ=environ)
    answered = [row for row in window.rows if row.prediction is not None]
    labelled = [row for row in answered if row.label is not None]
    true, said = _arrays(labelled)
    values = {metric.name: metric.function(true, said) for metric in metrics} if labelled else {}
    counts = {
        "rows": len(answered),
        "labelled": len(labelled),
        "unanswered": len(window.rows) - len(answered),
        "malformed": window.malformed,
        "replaced": window.replaced,
    }
    output = environ.get(environment.OUTPUT_URI)
    report = None
    if output:
        document = {
            "kind": "monitor",
            "configuration": configuration.model_dump(mode="json"),
            "metrics": values,
            "counts": counts,
            "rowsByVersion": dict(sorted(Counter(row.model_version for row in answered).items())),
            "confusion": confusion(true, said) if labelled else None,
        }
        report = publish_report(document, output, scratch=scratch, environ=environ)
    data = (DataDigest(name=LOG_NAME, digest=window.digest),)
    return Result(uid=uid, metrics=values, counts=counts, data=data, report=report)


def _read_log(configuration: MonitorConfiguration, *, scratch: Path, environ: Mapping[str, str]) -> LogWindow:
    uri = configuration.log.uri
    folder = local_path(uri, environ=environ)
    if folder is None:
        with as_data(LOG_NAME):
            folder = copy_in(uri, scratch, environ=environ)
    if not folder.is_dir():
        raise DataNotFoundError(f"expected a folder with the prediction log at {uri}, found none")
    window = configuration.window
    return read_window(folder, start=window.start, end=window.end, model_version=configuration.version)


def _label_metric(name: str) -> Metric:
    metric = metric_named(name)
    if metric.of_probabilities:
        raise MetricInvalidError(f"{name} needs class probabilities; a prediction log holds labels")
    return metric


def _arrays(rows: Sequence[LogRow]) -> tuple[NDArray[Any], NDArray[Any]]:
    # A text label never equals a number, so a mixture would look like a model that is always wrong.
    labels = sorted({_kind(row.label) for row in rows})
    predictions = sorted({_kind(row.prediction) for row in rows})
    if rows and (labels != predictions or len(labels) != 1):
        raise DataInvalidError(
            f"expected labels and predictions of one kind, found labels of {labels} and predictions of {predictions}"
        )
    return np.asarray([row.label for row in rows]), np.asarray([row.prediction for row in rows])


def _kind(value: Label | None) -> str:
    return "text" if isinstance(value, str) else "number"


def _command() -> None:
    configuration = read_configuration(environment.MONITOR, MonitorConfiguration)
    uid = require_uid()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(configuration, uid=uid, scratch=Path(scratch), environ=os.environ)
    write_message(result.to_message())
    print({**result.counts, **result.metrics})


def main() -> int:
    """The command; its exit code."""
    return run_command(_command)


if __name__ == "__main__":
    sys.exit(main())
