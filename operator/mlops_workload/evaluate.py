"""Compare a candidate model with a baseline on the same frozen rows.

`python -m mlops_workload.evaluate` reads its configuration (`EvaluationConfiguration`) from
`MLOPS_EVALUATION`. It reports figures and never a verdict: the rule belongs to the operator.

The result holds, per metric, `<metric>[@slice].candidate` and, where there is a baseline,
`.baseline`, `.difference` (candidate minus baseline), `.lower` and `.upper` (paired bootstrap,
see `mlops_workload.bootstrap`); per slice the number of rows (`all` for all of them). A slice
without rows has the count 0 and no figures. The report, a longer JSON document with the
confusion matrices, goes to `MLOPS_OUTPUT_URI`.
"""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from mlops_contract import DataDigest, Result, ResultInvalidError, environment
from mlops_workload.comparison import Comparison, Predictions, compare
from mlops_workload.context import DataInput, read_configuration, require_uid
from mlops_workload.errors import ConfigurationInvalidError, DataInvalidError, ModelLoadFailedError
from mlops_workload.evaluate_configuration import EvaluationConfiguration, ModelSource
from mlops_workload.evaluate_report import report_document
from mlops_workload.fetch import as_data, locate
from mlops_workload.formats import load_model, probabilities_of
from mlops_workload.labels import label_kind
from mlops_workload.metrics import metric_named
from mlops_workload.report import publish_report
from mlops_workload.rows import Rows, concatenate, read_rows
from mlops_workload.termination import run_command, write_message

ALL_ROWS: Final = "all"
FIGURES: Final = ("candidate", "baseline", "difference", "lower", "upper")
SIGNIFICANT_DIGITS: Final = 10
"""Of a figure in the result, so that twelve metrics of five figures fit; the report has all digits."""


def evaluate(configuration: EvaluationConfiguration, *, uid: str, scratch: Path, environ: Mapping[str, str]) -> Result:
    """Do one evaluation and publish its report; what to tell the operator.

    Raises:
        WorkloadError: data or a model is missing, corrupt or unfit; see `mlops_workload.errors`.
    """
    metrics = [metric_named(request.name) for request in configuration.metrics]
    rows, digests = read_data(configuration.data, scratch, environ=environ)
    wants_probabilities = any(metric.of_probabilities for metric in metrics)
    answers = {
        role: _predict(source, rows, role=role, scratch=scratch, probabilities=wants_probabilities, environ=environ)
        for role, source in (("candidate", configuration.candidate), ("baseline", configuration.baseline))
        if source is not None
    }
    candidate, baseline = answers["candidate"], answers.get("baseline")
    comparisons = [
        compare(request, rows, candidate, baseline, bootstrap=configuration.bootstrap)
        for request in configuration.metrics
    ]
    output = environ.get(environment.OUTPUT_URI)
    report = None
    if output:
        document = report_document(configuration, comparisons, rows, digests, candidate=candidate, baseline=baseline)
        report = publish_report(document, output, scratch=scratch, environ=environ)
    return Result(
        uid=uid, metrics=_figures(comparisons), counts=_counts(rows, comparisons), data=tuple(digests), report=report
    )


def read_data(
    inputs: Sequence[DataInput], scratch: Path, *, environ: Mapping[str, str]
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
        parts.append(read_rows(found.path))
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
    if labels.shape != rows.y.shape or label_kind(labels) != label_kind(rows.y):
        raise DataInvalidError(
            f"{role} {source.uri}: expected {len(rows.y)} predictions of kind {label_kind(rows.y)}, "
            f"found shape {labels.shape} of kind {label_kind(labels)}",
            role=role,
        )
    given = probabilities_of(model, rows.x) if probabilities else None
    if given is None:
        return Predictions(labels)
    column_of = {label: column for column, label in enumerate(given[1].tolist())}
    columns = np.asarray([column_of.get(label, -1) for label in rows.y.tolist()], dtype=np.int64)
    return Predictions(labels, given[0], columns)


def _figures(comparisons: Sequence[Comparison]) -> dict[str, float]:
    figures = {}
    for comparison in comparisons:
        for name in FIGURES:
            value = getattr(comparison, name)
            if value is not None:
                figures[f"{comparison.request.key}.{name}"] = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return figures


def _counts(rows: Rows, comparisons: Sequence[Comparison]) -> dict[str, int]:
    asked = {comparison.request.slice or ALL_ROWS: comparison.rows for comparison in comparisons}
    return {ALL_ROWS: int(rows.labeled.sum()), **asked}


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
    for name, value in result.metrics.items():
        print(f"{name} = {value:.4f}")


def main() -> int:
    """The command; its exit code."""
    return run_command(_command)


if __name__ == "__main__":
    sys.exit(main())
