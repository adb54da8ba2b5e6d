# SPDX-License-Identifier: Apache-2.0
"""What a model answers, checked against the rows it was asked.

A missing prediction is no answer. A model that leaves a row unanswered is refused, with the number of such
rows: counted as wrong it would be a class that no label has, and left out it would let a model choose its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_workload.errors import DataInvalidError
from mlops_workload.labels import label_kind, labels_from_array, labels_from_values
from mlops_workload.rows import Rows

SUM_TOLERANCE: Final = 1e-3
"""How far the probabilities of one row may be from a sum of 1: 32-bit models round, no model needs more."""


class Predictions(NamedTuple):
    """What one model answers to all rows.

    Attributes:
        labels: predicted label of each row.
        probabilities: one column per class of the model, shape (rows, classes); None if it gives none.
        columns: column of each row's true label, -1 where the model does not know that label.
    """

    labels: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None
    columns: NDArray[np.int64] | None = None


def checked_predictions(
    role: str,
    rows: Rows,
    labels: NDArray[Any],
    probabilities: NDArray[Any] | None = None,
    classes: Sequence[Any] | None = None,
) -> Predictions:
    """A model's answers, fit for a comparison.

    Args:
        role: `candidate` or `baseline`, for messages.
        rows: the rows that were asked.
        labels: predicted labels.
        probabilities: class probabilities, if the model gives them.
        classes: the label of each column of `probabilities`.

    Raises:
        DataInvalidError: not one answer per row, an answer is missing or of another kind than the labels, or a
            row of probabilities is negative, not finite or does not sum to 1. The role and row are named.
    """
    labels = _present(role, labels)
    if labels.shape != rows.y.shape:
        raise DataInvalidError(
            f"{role}: expected {len(rows.y)} predictions, one per row, found shape {labels.shape}", role=role
        )
    if rows.labeled.any() and label_kind(labels) != label_kind(rows.y):
        row = int(np.argmax(rows.labeled))
        raise DataInvalidError(
            f"{role}: expected predictions of the labels' kind, {label_kind(rows.y)}, found {label_kind(labels)}: row "
            f"{row + 1} has the label {_shown(rows.y[row])}, and the prediction is {_shown(labels[row])}; train and "
            "measure on labels that are written in the same way",
            role=role,
        )
    if probabilities is None or classes is None:
        return Predictions(labels)
    given = np.asarray(probabilities, dtype=np.float64)
    if given.shape != (len(rows.y), len(classes)):
        raise DataInvalidError(
            f"{role}: expected probabilities of shape {(len(rows.y), len(classes))}, found {given.shape}", role=role
        )
    _require_distributions(role, given)
    column_of = {label: column for column, label in enumerate(classes)}
    columns = np.asarray([column_of.get(label, -1) for label in rows.y.tolist()], dtype=np.int64)
    return Predictions(labels, given, columns)


def _shown(value: Any) -> str:
    """A label as a message shows it: texts in quotes, and not longer than a line has room for."""
    return repr(value.item() if isinstance(value, np.generic) else value)[:40]


def _present(role: str, labels: NDArray[Any]) -> NDArray[Any]:
    if labels.ndim != 1:
        return labels
    try:
        known = labels_from_values(labels.tolist()) if labels.dtype.kind == "O" else labels_from_array(labels)
    except (ValueError, TypeError) as error:
        raise DataInvalidError(f"{role}: predictions are malformed: {error}", role=role) from error
    missing = np.flatnonzero(~known.present)
    if len(missing):
        raise DataInvalidError(
            f"{role}: {len(missing)} of {len(labels)} rows have no prediction, the first is row {missing[0] + 1}: "
            "a model must answer every row",
            role=role,
        )
    return known.values


def _require_distributions(role: str, given: NDArray[np.float64]) -> None:
    finite = np.isfinite(given).all(axis=1)
    wrong = ~finite | (given < 0.0).any(axis=1) | ~(np.abs(given.sum(axis=1) - 1.0) <= SUM_TOLERANCE)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataInvalidError(
            f"{role}: {int(wrong.sum())} rows of probabilities are no distribution (each at least 0, the sum 1 within "
            f"{SUM_TOLERANCE:g}), the first is row {row + 1}: {np.round(given[row][:8], 6).tolist()} "
            f"with the sum {given[row].sum():.6g}",
            role=role,
        )
