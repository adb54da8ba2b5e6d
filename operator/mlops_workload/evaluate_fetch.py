"""First step of an evaluation: copy models and rows out of the store, verified, and take the labels off.

`python -m mlops_workload.evaluate_fetch` reads `EvaluationConfiguration` from `MLOPS_EVALUATION`. It is the only
container of the evaluation that sees the store, and it never loads a model. Its folders:

- `--candidate`, `--baseline`: the artifacts, for the container that runs that model.
- `--inputs`: `inputs.npy`, the features of all rows in order (float64), and `request.json`, which says whether
  probabilities are wanted. The models get nothing else: no labels, identities, groups or slices.
- `--rows`: the copies of the data files, and `index.json` with their names and digests; for the judge alone.

Everything that follows reads these copies, so that a change in the store between two steps has no effect.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from mlops_contract import DataDigest, environment
from mlops_workload.context import read_configuration
from mlops_workload.errors import WorkloadError
from mlops_workload.evaluate_configuration import EvaluationConfiguration, ModelSource
from mlops_workload.fetch import as_data, fetch
from mlops_workload.metrics import metric_named
from mlops_workload.prediction_files import Request, write_request
from mlops_workload.rows import Columns, Rows, concatenate, read_rows
from mlops_workload.termination import run_command

INDEX: Final = "index.json"


class RowsFile(BaseModel):
    """A copied data file; `path` is relative to the folder of the index."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: str
    path: str


class RowsIndex(BaseModel):
    """All data of an evaluation, in the order of its configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: tuple[RowsFile, ...]

    @property
    def digests(self) -> list[DataDigest]:
        """The digests of what was copied."""
        return [DataDigest(name=entry.name, digest=entry.digest) for entry in self.data]


def fetch_evaluation(
    configuration: EvaluationConfiguration,
    *,
    models: Mapping[str, Path | None],
    rows: Path,
    inputs: Path,
    environ: Mapping[str, str],
) -> None:
    """Fill the folders; see the module.

    Args:
        configuration: what is evaluated.
        models: the folder of each role, `candidate` and `baseline`.
        rows: the judge's folder.
        inputs: the folder that the models see.
        environ: where claims are mounted.

    Raises:
        WorkloadError: data or a model is missing, corrupt or unfit; see `mlops_workload.errors`.
    """
    for role, source in (("candidate", configuration.candidate), ("baseline", configuration.baseline)):
        folder = models.get(role)
        if source is not None and folder is not None:
            _fetch_model(role, source, folder, environ)
    files = []
    for number, entry in enumerate(configuration.data):
        with as_data(entry.name):
            # A folder for each: two inputs may have the same file name.
            copy = fetch(entry.uri, rows / str(number), digest=entry.digest, environ=environ)
        files.append(RowsFile(name=entry.name, digest=copy.digest, path=copy.path.relative_to(rows).as_posix()))
    index = RowsIndex(data=tuple(files))
    request = Request(probabilities=any(metric_named(entry.name).of_probabilities for entry in configuration.metrics))
    write_request(inputs, request, read_copies(rows, index, configuration.columns).x)
    (rows / INDEX).write_text(index.model_dump_json(), encoding="utf-8")


def _fetch_model(role: str, source: ModelSource, folder: Path, environ: Mapping[str, str]) -> None:
    try:
        fetch(source.uri, folder, digest=source.digest, environ=environ)
    except WorkloadError as error:
        raise type(error)(f"{role} {error.message}", **{**error.details, "role": role}) from error


def read_index(rows: Path) -> RowsIndex:
    """What the first step left in the judge's folder."""
    return RowsIndex.model_validate_json((rows / INDEX).read_bytes())


def read_copies(rows: Path, index: RowsIndex, columns: Columns) -> Rows:
    """All rows of all data files in the judge's folder.

    Raises:
        DataInvalidError: one is not of a known form, or they do not fit together.
    """
    return concatenate([read_rows(rows / entry.path, columns) for entry in index.data])


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.evaluate_fetch", description=__doc__)
    parser.add_argument("--candidate", required=True, type=Path, help="folder for the candidate's artifact")
    parser.add_argument("--baseline", type=Path, help="folder for the baseline's artifact, where there is one")
    parser.add_argument("--rows", required=True, type=Path, help="folder for the data with labels")
    parser.add_argument("--inputs", required=True, type=Path, help="folder for the features alone")
    arguments = parser.parse_args(argv)
    return run_command(
        lambda: fetch_evaluation(
            read_configuration(environment.EVALUATION, EvaluationConfiguration),
            models={"candidate": arguments.candidate, "baseline": arguments.baseline},
            rows=arguments.rows,
            inputs=arguments.inputs,
            environ=os.environ,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
