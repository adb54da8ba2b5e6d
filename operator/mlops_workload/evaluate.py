"""Compare a candidate model with a baseline on the same frozen rows.

`python -m mlops_workload.evaluate` reads its configuration (`EvaluationConfiguration`) from
`MLOPS_EVALUATION`. It reports figures and never a verdict: the rule belongs to the operator.

The result holds the figures and counts of each rule (`mlops_contract.figures`; see
`mlops_workload.evaluate_result`). A slice without rows has the count 0 and no figures. The report, a longer
JSON document with the confusion matrices, goes to `MLOPS_OUTPUT_URI`.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlops_contract import DataDigest, Result, ResultInvalidError, environment
from mlops_workload.comparison import compare_all
from mlops_workload.context import DataInput, read_configuration, require_uid
from mlops_workload.errors import ConfigurationInvalidError, DataInvalidError, ModelLoadFailedError
from mlops_workload.evaluate_configuration import EvaluationConfiguration, ModelSource
from mlops_workload.evaluate_report import report_document
from mlops_workload.evaluate_result import readable, resampling_seed, result_counts, result_figures
from mlops_workload.fetch import as_data, locate
from mlops_workload.formats import load_model, probabilities_of
from mlops_workload.metrics import metric_named
from mlops_workload.predictions import Predictions, checked_predictions
from mlops_workload.report import publish_report
from mlops_workload.rows import Columns, Rows, concatenate, read_rows
from mlops_workload.termination import run_command, write_message


def evaluate(configuration: EvaluationConfiguration, *, uid: str, scratch: Path, environ: Mapping[str, str]) -> Result:
    """Do one evaluation and publish its report; what to tell the operator.

    Raises:
        WorkloadError: data or a model is missing, corrupt or unfit; see `mlops_workload.errors`.
    """
    metrics = [metric_named(request.name) for request in configuration.metrics]
    rows, digests = read_data(configuration.data, configuration.columns, scratch, environ=environ)
    wants_probabilities = any(metric.of_probabilities for metric in metrics)
    answers = {
        role: _predict(source, rows, role=role, scratch=scratch, probabilities=wants_probabilities, environ=environ)
        for role, source in (("candidate", configuration.candidate), ("baseline", configuration.baseline))
        if source is not None
    }
    candidate, baseline = answers["candidate"], answers.get("baseline")
    seed = resampling_seed(uid, digests)
    comparisons = compare_all(configuration.metrics, rows, candidate, baseline, seed=seed)
    output = environ.get(environment.OUTPUT_URI)
    report = None
    if output:
        document = report_document(configuration, comparisons, rows, digests, candidate=candidate, baseline=baseline)
        report = publish_report(document, output, scratch=scratch, environ=environ)
    return Result(
        uid=uid,
        metrics=result_figures(comparisons),
        counts=result_counts(rows, comparisons),
        data=tuple(digests),
        report=report,
    )


def read_data(
    inputs: Sequence[DataInput], columns: Columns, scratch: Path, *, environ: Mapping[str, str]
) -> tuple[Rows, list[DataDigest]]:
    """All rows of all inputs, and the digests of what was read.

    Raises:
        DataNotFoundError, DataCorruptError, DataInvalidError: an input is missing, not
            what its digest says, or not of a known form.
    """
    parts, digests = [], []
    for source in inputs:
        with as_data(source.name):
            found = locate(source.uri, scratch, digest=source.digest, environ=environ)
        parts.append(read_rows(found.path, columns))
        digests.append(DataDigest(name=source.name, digest=found.digest))
    return concatenate(parts), digests


def _predict(
    source: ModelSource, rows: Rows, *, role: str, scratch: Path, probabilities: bool, environ: Mapping[str, str]
) -> Predictions:
    path = locate(source.uri, scratch, digest=source.digest, environ=environ).path
    try:
        model = load_model(path, format=source.format)
        labels = np.asarray(model.predict(rows.x))
    except ModelLoadFailedError as error:
        raise ModelLoadFailedError(f"{role} {source.uri}: {error.message}", role=role) from error
    except ValueError as error:
        raise DataInvalidError(f"{role} {source.uri} does not take the data: {error}", role=role) from error
    given = probabilities_of(model, rows.x) if probabilities else None
    return checked_predictions(role, rows, labels, *(given or ()))


def _command() -> None:
    configuration = read_configuration(environment.EVALUATION, EvaluationConfiguration)
    uid = require_uid()
    with tempfile.TemporaryDirectory() as scratch:
        result = evaluate(configuration, uid=uid, scratch=Path(scratch), environ=os.environ)
    try:
        message = result.to_message()
    except ResultInvalidError as error:
        raise ConfigurationInvalidError(f"too many metrics or too long names: {error}") from error
    write_message(message)
    for line in readable(configuration.metrics, result):
        print(line)


def main() -> int:
    """The command; its exit code."""
    return run_command(_command)


if __name__ == "__main__":
    sys.exit(main())
