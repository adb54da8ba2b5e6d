# SPDX-License-Identifier: Apache-2.0
"""Last step of an evaluation: compare the predictions of a candidate and a baseline on the same frozen rows.

`python -m mlops_workload.evaluate` reads its configuration (`EvaluationRequest`) from
`MLOPS_EVALUATION`, the rows from the copies that `mlops_workload.evaluate_fetch` made, and the predictions that
`mlops_workload.predict` left, each in a folder of its own. It never loads a model. It reports figures and never a
verdict: the rule belongs to the operator.

The result holds the figures and counts of each rule (`mlops_contract.figures`; see
`mlops_workload.evaluate_result`). A slice without rows has the count 0 and no figures. The report, a longer
JSON document with the confusion matrices, goes to `MLOPS_OUTPUT_URI`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_contract import Result, ResultInvalidError, environment
from mlops_contract.requests.evaluation import EvaluationRequest
from mlops_workload.comparison import compare_all
from mlops_workload.context import read_configuration, require_uid
from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.evaluate_fetch import RowsIndex, read_copies, read_index
from mlops_workload.evaluate_report import report_document
from mlops_workload.evaluate_result import readable, resampling_seed, result_counts, result_figures
from mlops_workload.overlap import overlap_counts
from mlops_workload.prediction_files import read_predictions
from mlops_workload.predictions import Predictions, checked_predictions
from mlops_workload.recent import FILE as RECENT_FILE
from mlops_workload.report import publish_report
from mlops_workload.rows import Rows
from mlops_workload.store import copy_out
from mlops_workload.termination import run_command, write_message
from mlops_workload.uri import join


def evaluate(
    configuration: EvaluationRequest,
    *,
    rows: Path,
    predictions: Mapping[str, Path | None],
    uid: str,
    scratch: Path,
    environ: Mapping[str, str],
) -> Result:
    """Judge one evaluation and publish its report; the result.

    Args:
        configuration: what is evaluated.
        rows: the folder of the copied data.
        predictions: the folder that each role's container wrote, `candidate` and `baseline`.
        uid: identity of the run.
        scratch: a folder for temporary files.
        environ: where claims are mounted, and where the report goes.

    Raises:
        WorkloadError: data or predictions are missing or unfit; see `mlops_workload.errors`.
    """
    index = read_index(rows)
    output = environ.get(environment.OUTPUT_URI)
    if not index.data:
        return Result(uid=uid, counts=index.counts)
    if output:
        _publish_recent(index, rows, output, environ=environ)
    data = read_copies(rows, index, configuration.columns)
    candidate = _predictions("candidate", predictions.get("candidate"), data)
    baseline = _predictions("baseline", predictions.get("baseline"), data) if configuration.baseline else None
    seed = resampling_seed(uid, index.digests)
    comparisons = compare_all(configuration.metrics, data, candidate, baseline, seed=seed)
    hashes = {role: rows / path for role, path in index.hashes.items()}
    report = None
    if output:
        document = report_document(
            configuration, comparisons, data, index.digests, candidate=candidate, baseline=baseline
        )
        report = publish_report(document, output, scratch=scratch, environ=environ)
    return Result(
        uid=uid,
        metrics=result_figures(comparisons),
        counts=result_counts(data, comparisons) | index.counts | overlap_counts(data, hashes),
        data=tuple(index.digests),
        report=report,
    )


def _publish_recent(index: RowsIndex, rows: Path, output: str, *, environ: Mapping[str, str]) -> None:
    """Keep the recent rows beside the report: the log moves on."""
    for entry in index.data:
        if entry.recent:
            copy_out(rows / entry.path, join(output, RECENT_FILE), environ=environ)


def _predictions(role: str, folder: Path | None, rows: Rows) -> Predictions:
    if folder is None:
        raise ConfigurationInvalidError(f"expected a folder with the predictions of the {role}, found none")
    found = read_predictions(folder, rows=len(rows.x), role=role)
    classes = found.classes.tolist() if found.classes is not None else None
    return checked_predictions(role, rows, found.labels, found.probabilities, classes)


def _command(arguments: argparse.Namespace) -> None:
    configuration = read_configuration(environment.EVALUATION, EvaluationRequest)
    uid = require_uid()
    with tempfile.TemporaryDirectory() as scratch:
        result = evaluate(
            configuration,
            rows=arguments.rows,
            predictions={"candidate": arguments.candidate, "baseline": arguments.baseline},
            uid=uid,
            scratch=Path(scratch),
            environ=os.environ,
        )
    try:
        message = result.to_message()
    except ResultInvalidError as error:
        raise ConfigurationInvalidError(f"too many metrics or too long names: {error}") from error
    write_message(message)
    for line in readable(configuration.metrics, result):
        print(line)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.evaluate", description=__doc__)
    parser.add_argument("--rows", required=True, type=Path, help="folder with the copied data")
    parser.add_argument("--candidate", required=True, type=Path, help="folder with the candidate's predictions")
    parser.add_argument("--baseline", type=Path, help="folder with the baseline's predictions, where there is one")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _command(arguments))


if __name__ == "__main__":
    sys.exit(main())
