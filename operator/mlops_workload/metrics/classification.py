"""Metrics of classifiers.

They agree with scikit-learn's of the same name (the tests compare them); they are written
in numpy because a bootstrap calls them thousands of times and scikit-learn's argument
checks cost more than the figure itself.

All take at least one row; with none a metric is not zero but unknown, so they raise.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlops_workload.errors import MetricInvalidError

PROBABILITY_FLOOR: Final = float(np.finfo(np.float64).eps)
"""Probabilities are clipped to [floor, 1 - floor]: one certain mistake is expensive, not infinite."""


def accuracy(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
    """Share of rows whose predicted label is the true one, in [0, 1]."""
    _require_rows(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def balanced_accuracy(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
    """Mean over the true classes of the share of their rows that were recognised (recall), in [0, 1]."""
    _require_rows(y_true, y_pred)
    classes, index = np.unique(y_true, return_inverse=True)
    rows = np.bincount(index, minlength=len(classes))
    right = np.bincount(index, weights=(y_true == y_pred).astype(np.float64), minlength=len(classes))
    return float(np.mean(right / rows))


def f1_macro(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
    """Unweighted mean of F1 = 2 TP / (2 TP + FP + FN) over all classes that are true or predicted, in [0, 1]."""
    _require_rows(y_true, y_pred)
    classes, index = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    true, predicted = index[: len(y_true)], index[len(y_true) :]
    hits = np.bincount(true[true == predicted], minlength=len(classes))
    # TP + FN is how often a class is true, TP + FP how often it is predicted.
    appearances = np.bincount(true, minlength=len(classes)) + np.bincount(predicted, minlength=len(classes))
    return float(np.mean(2 * hits / appearances))


def log_loss(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
    """Mean negative natural logarithm of the probability given to the true class; 0 is best.

    `y_pred` has one column per class and rows that sum to 1; `y_true` holds column indices,
    -1 for a class the model does not know, which counts as probability 0.
    """
    _require_rows(y_true, y_pred)
    return float(log_losses(y_true, y_pred).mean())


def log_losses(columns: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """The loss of each row, of which `log_loss` is the mean."""
    columns = columns.astype(np.int64)
    given = np.where(columns >= 0, probabilities[np.arange(len(columns)), columns], 0.0)
    return np.asarray(-np.log(np.clip(given, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)))


def _require_rows(y_true: NDArray[Any], y_pred: NDArray[Any]) -> None:
    if len(y_true) == 0 or len(y_true) != len(y_pred):
        raise MetricInvalidError(
            f"expected as many predictions as labels and at least one, found {len(y_pred)} and {len(y_true)}"
        )
