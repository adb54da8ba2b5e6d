# SPDX-License-Identifier: Apache-2.0
"""Measure a served model on one window of its prediction log.

`python -m mlops_workload.monitor` reads its configuration (`MonitorRequest`) from
`MLOPS_MONITOR`. It reports figures and never a verdict.

The result holds each metric over the labeled rows with its standard error as `<metric>.se`, and
these counts: `rows` (requests of the window with an answer), `labeled` (those whose label is known
and comparable), `unanswered`, `malformed` (lines and fields with a fault), `repeated` (further rows
of a request), `otherVersions` and `outside` (rows of the log that belong to another version or
time), and `<metric>.rarest` for metrics that weigh all classes alike: labeled rows of the rarest
class. Its notes name what was not used and why. Without labeled rows there is no metric, and the
run succeeds: the operator decides what that means. The data digest `log` is over the rows.
"""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlops_contract import DataDigest, Result, environment
from mlops_contract.requests.monitor import MonitorRequest
from mlops_workload.context import read_configuration, require_uid
from mlops_workload.errors import ConfigurationInvalidError, DataNotFoundError
from mlops_workload.fetch import as_data
from mlops_workload.metrics import Metric, metric_named
from mlops_workload.outcomes import Outcomes
from mlops_workload.prediction_log import LogWindow, read_window
from mlops_workload.prediction_log_notes import notes
from mlops_workload.report import publish_report
from mlops_workload.store import copy_in
from mlops_workload.termination import run_command, write_message
from mlops_workload.uri import local_path

LOG_NAME: Final = "log"
"""Under which the digest of the rows that were used is reported."""


def measure(configuration: MonitorRequest, *, uid: str, scratch: Path, environ: Mapping[str, str]) -> Result:
    """Measure one window.

    Raises:
        DataNotFoundError: the log does not exist.
        ConfigurationInvalidError: no such metric, or it needs probabilities, which a log does not hold.
    """
    metrics = [_label_metric(entry.name) for entry in configuration.metrics]
    window = _read_log(configuration, scratch=scratch, environ=environ)
    skipped = notes(window, version=configuration.version)
    labeled = [row for row in window.rows if row.comparable]
    outcomes = Outcomes.of([(row.label, row.prediction) for row in labeled])
    values = outcomes.figures(metrics, seed=window.digest)
    counts = {**_counts(window, len(labeled)), **outcomes.rarest(metrics)}
    output = environ.get(environment.OUTPUT_URI)
    report = None
    if output:
        answered = (row.model_version for row in window.rows if row.answered)
        document = {
            "kind": "monitor",
            "configuration": configuration.to_dict(),
            "metrics": values,
            "counts": counts,
            "notes": skipped,
            "rowsByVersion": dict(sorted(Counter(answered).items())),
            "confusion": outcomes.confusion() if labeled else None,
        }
        report = publish_report(document, output, scratch=scratch, environ=environ)
    data = (DataDigest(name=LOG_NAME, digest=window.digest),)
    return Result(uid=uid, metrics=values, counts=counts, notes=skipped, data=data, report=report)


def _counts(window: LogWindow, labeled: int) -> dict[str, int]:
    return {
        "rows": window.answered,
        "labeled": labeled,
        "unanswered": window.unanswered,
        "malformed": window.skipped.malformed,
        "repeated": window.repeated,
        "otherVersions": window.skipped.other_versions,
        "outside": window.skipped.outside,
    }


def _read_log(configuration: MonitorRequest, *, scratch: Path, environ: Mapping[str, str]) -> LogWindow:
    uri = configuration.log.uri
    folder = local_path(uri, environ=environ)
    if folder is None:
        with as_data(LOG_NAME):
            folder = copy_in(uri, scratch, environ=environ).path
    if not folder.is_dir():
        raise DataNotFoundError(f"expected a folder with the prediction log at {uri}, found none")
    window = configuration.window
    return read_window(folder, start=window.start, end=window.end, model_version=configuration.version)


def _label_metric(name: str) -> Metric:
    metric = metric_named(name)
    if metric.of_probabilities:
        raise ConfigurationInvalidError(f"{name} needs class probabilities; a prediction log holds labels")
    return metric


def _command() -> None:
    configuration = read_configuration(environment.MONITOR, MonitorRequest)
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
