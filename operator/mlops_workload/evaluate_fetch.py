# SPDX-License-Identifier: Apache-2.0
"""First step of an evaluation: copy models and rows out of the store, verified, and take the labels off.

`python -m mlops_workload.evaluate_fetch` reads `EvaluationRequest` from `MLOPS_EVALUATION`. It is the only
container of the evaluation that sees the store, and it never loads a model. Its folders:

- `--candidate`, `--baseline`: the artifacts, for the container that runs that model.
- `--inputs`: `inputs.npy`, the features of all rows in order (float64), and `request.json`, which states whether
  probabilities are wanted. The models get nothing else: no labels, identities, groups or slices.
- `--rows`: the copies of the data files, the recent rows as a file of their own, the hashes of training rows, and
  `index.json`, which lists them; for the judge alone.

Everything that follows reads these copies, so that a change in the store between two steps has no effect.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from mlops_contract import DataDigest, environment
from mlops_contract.document import Document
from mlops_contract.gate_rows import RecentCount
from mlops_contract.requests.evaluation import Columns, EvaluationRequest, ModelSource, RecentSource
from mlops_workload.context import read_configuration
from mlops_workload.digest import digest_file
from mlops_workload.errors import ArtifactNotFoundError, WorkloadError
from mlops_workload.fetch import as_data, fetch
from mlops_workload.files import opened
from mlops_workload.metrics import metric_named
from mlops_workload.prediction_files import Request, write_request
from mlops_workload.recent import FILE as RECENT_FILE
from mlops_workload.recent import RECENT_COLUMNS, select_recent, write_recent
from mlops_workload.rows import Rows, concatenate, read_rows, with_all_groups
from mlops_workload.store import copy_in
from mlops_workload.termination import run_command
from mlops_workload.uri import local_location

INDEX: Final = "index.json"


@dataclass(frozen=True)
class RowsFile(Document):
    """A copied data file, or the recent rows; `path` is relative to the folder of the index."""

    title: ClassVar[str] = "data file"

    name: str
    digest: str
    path: str
    recent: bool = False


@dataclass(frozen=True)
class RowsIndex(Document):
    """All data of an evaluation, in the order of its configuration, recent rows last.

    Attributes:
        data: files with at least one row.
        counts: numbers about the recent rows, by their names in the result (`mlops_contract.gate_rows`).
        hashes: by role, the path of the hashes of its training rows.
    """

    title: ClassVar[str] = "index of the rows"

    data: tuple[RowsFile, ...]
    counts: dict[str, int] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    @property
    def digests(self) -> list[DataDigest]:
        """The digests of what was copied."""
        return [DataDigest(name=entry.name, digest=entry.digest) for entry in self.data]


def fetch_evaluation(
    configuration: EvaluationRequest,
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
    hashes = {}
    for role, source in (("candidate", configuration.candidate), ("baseline", configuration.baseline)):
        folder = models.get(role)
        if source is None or folder is None:
            continue
        _fetch_model(role, source, folder, environ)
        if source.rows is not None:
            copy = fetch(source.rows.uri, rows / f"hashes-{role}", digest=source.rows.digest, environ=environ)
            hashes[role] = copy.path.relative_to(rows).as_posix()
    files = []
    for number, entry in enumerate(configuration.data):
        with as_data(entry.name):
            # A folder for each: two inputs may have the same file name.
            copy = fetch(entry.uri, rows / str(number), digest=entry.digest, environ=environ)
        files.append(RowsFile(name=entry.name, digest=copy.digest, path=copy.path.relative_to(rows).as_posix()))
    counts: dict[str, int] = {}
    if configuration.recent is not None:
        recent, counts = _fetch_recent(configuration.recent, rows, environ)
        files.extend([recent] if recent is not None else [])
    index = RowsIndex(data=tuple(files), counts=counts, hashes=hashes)
    request = Request(probabilities=any(metric_named(entry.name).of_probabilities for entry in configuration.metrics))
    # Without any row the models have nothing to answer, and the judge does not ask for their predictions.
    features = read_copies(rows, index, configuration.columns).x if index.data else np.empty((0, 0))
    write_request(inputs, request, features)
    (rows / INDEX).write_text(index.to_json(), encoding="utf-8")


def _fetch_recent(
    source: RecentSource, rows: Path, environ: Mapping[str, str]
) -> tuple[RowsFile | None, dict[str, int]]:
    """Select the recent rows into a file in the judge's folder; None where there are none."""
    with tempfile.TemporaryDirectory() as scratch, as_data(source.name):
        found = select_recent(_log_folder(source, Path(scratch), environ), source)
    counts = {
        RecentCount.ROWS: len(found.y),
        RecentCount.NEW: found.new,
        RecentCount.NEWEST: found.newest_milliseconds,
        RecentCount.UNLABELED: found.unlabeled,
        RecentCount.UNFIT: found.unfit,
        RecentCount.UNIDENTIFIED: found.unidentified,
    }
    named = {name.value: count for name, count in counts.items()}
    if not len(found.y):
        return None, named
    path = rows / source.name / RECENT_FILE
    path.parent.mkdir()
    write_recent(path, found, slice=source.slice)
    relative = path.relative_to(rows).as_posix()
    return RowsFile(name=source.name, digest=digest_file(path), path=relative, recent=True), named


def _log_folder(source: RecentSource, scratch: Path, environ: Mapping[str, str]) -> Path:
    """The folder of the log: in place where it is mounted, since only few of its rows are needed, else a copy.

    A log that nothing was written to yet is an empty folder.
    """
    location = local_location(source.uri, environ=environ)
    try:
        if location is None:
            return copy_in(source.uri, scratch, environ=environ).path
        with opened(*location):
            root, parts = location
            return root.joinpath(*parts)
    except (FileNotFoundError, ArtifactNotFoundError):
        return scratch


def _fetch_model(role: str, source: ModelSource, folder: Path, environ: Mapping[str, str]) -> None:
    try:
        fetch(source.uri, folder, digest=source.digest, environ=environ)
    except WorkloadError as error:
        raise type(error)(f"{role} {error.message}", **{**error.details, "role": role}) from error


def read_index(rows: Path) -> RowsIndex:
    """What the first step left in the judge's folder."""
    return RowsIndex.read((rows / INDEX).read_bytes())


def read_copies(rows: Path, index: RowsIndex, columns: Columns) -> Rows:
    """All rows of all data files in the judge's folder, of which there is at least one.

    Raises:
        DataInvalidError: one is not of a known form, or they do not fit together.
    """
    parts = [read_rows(rows / entry.path, RECENT_COLUMNS if entry.recent else columns) for entry in index.data]
    return concatenate(with_all_groups(parts))


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
            read_configuration(environment.EVALUATION, EvaluationRequest),
            models={"candidate": arguments.candidate, "baseline": arguments.baseline},
            rows=arguments.rows,
            inputs=arguments.inputs,
            environ=os.environ,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
