# SPDX-License-Identifier: Apache-2.0
"""Ask a model for its predictions, apart from everything that decides.

`python -m mlops_workload.predict --role R --format F --model DIR --inputs DIR --output DIR` loads the model, which
runs code of the artifact, and leaves its predictions as plain arrays (`mlops_workload.prediction_files`). The
container has no labels, no claim of the store, no identity of a run, and its termination message is never read. Before
the model is loaded the process gives up the network (`mlops_workload.no_network`).

A failure is left in the output folder as an error, and the exit code is 0: the judge reports it with the
model's role. A process that dies without one is reported by its exit code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_workload.errors import DataInvalidError, PredictionFailedError, WorkloadError
from mlops_workload.formats import Predictor, load_model, probabilities_of
from mlops_workload.no_network import forbid_network
from mlops_workload.prediction_files import RawPredictions, read_request, write_error, write_predictions


def predict(model: Path, inputs: NDArray[np.float64], *, format: str, probabilities: bool) -> RawPredictions:
    """Predictions of the model in the folder `model` for `inputs`, of shape (rows, features).

    Raises:
        ModelLoadFailedError: it is no model of this format.
        DataInvalidError: the model does not take the inputs.
        PredictionFailedError: it raises anything else, or returns no array with one entry per row.
    """
    loaded = load_model(_content(model), format=format)
    try:
        return _ask(loaded, inputs, probabilities=probabilities)
    except ValueError as error:
        raise DataInvalidError(f"the model does not take the data: {error}") from error
    except WorkloadError:
        raise
    except Exception as error:  # code of the artifact may raise anything
        raise PredictionFailedError(f"predict() raised {type(error).__name__}: {error}") from error


def _content(folder: Path) -> Path:
    """The only file of an artifact of one file, whatever its name; else the folder."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_file() else folder


def _ask(model: Predictor, inputs: NDArray[np.float64], *, probabilities: bool) -> RawPredictions:
    labels = plain(np.asarray(model.predict(inputs)))
    if labels.shape != (len(inputs),):
        raise PredictionFailedError(f"expected {len(inputs)} predictions, found shape {labels.shape}")
    given = probabilities_of(model, inputs) if probabilities else None
    if given is None:
        return RawPredictions(labels)
    return RawPredictions(labels, given[0], plain(given[1]))


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Python objects as text or numbers, so that no pickle is needed; None becomes NaN or the empty text.

    Raises:
        PredictionFailedError: they are neither.
    """
    if values.dtype.kind != "O":
        return values
    entries = values.ravel().tolist()
    if any(isinstance(entry, str) for entry in entries) and all(
        entry is None or isinstance(entry, str) for entry in entries
    ):
        return np.asarray(["" if entry is None else entry for entry in entries], dtype=np.str_).reshape(values.shape)
    if all(entry is None or isinstance(entry, (int, float, np.number)) for entry in entries):
        numbers = np.asarray([np.nan if entry is None else entry for entry in entries])
        return numbers.reshape(values.shape)
    kinds = sorted({type(entry).__name__ for entry in entries})
    raise PredictionFailedError(f"expected numbers or text, found {', '.join(kinds[:5])}")


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="mlops_workload.predict", description=__doc__)
    parser.add_argument("--role", required=True, help="candidate or baseline: for the log")
    parser.add_argument("--format", required=True, help="format of the artifact")
    parser.add_argument("--model", required=True, type=Path, help="folder with the artifact")
    parser.add_argument("--inputs", required=True, type=Path, help="folder with the request and the inputs")
    parser.add_argument("--output", required=True, type=Path, help="folder the predictions go to")
    arguments = parser.parse_args(argv)
    try:
        request, inputs = read_request(arguments.inputs)
        found = predict(arguments.model, inputs, format=arguments.format, probabilities=request.probabilities)
        write_predictions(arguments.output, found)
    except WorkloadError as error:
        print(f"{arguments.role}: {error.reason}: {error.message}", file=sys.stderr)
        write_error(arguments.output, error)
    else:
        print(f"{arguments.role}: {len(found.labels)} predictions")
    return 0


def _without_network() -> None:
    if (problem := forbid_network()) is not None:
        print(f"the model's code is not kept from the network here: {problem}", file=sys.stderr)


if __name__ == "__main__":
    _without_network()
    sys.exit(main())
