# SPDX-License-Identifier: Apache-2.0
"""Metrics of classifiers from counts, for many resamples of the same rows at once.

They agree with scikit-learn's of the same name (the tests compare them). All take `weights` of shape
(resamples, cells): how many rows of each cell a resample holds, at least one row in each resample.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

MAX_DENSE: Final = 10_000
"""Size of an indicator matrix up to which a dense product is faster than a sparse one."""

Weights = NDArray[np.float64]
Codes = NDArray[np.int64]
Values = NDArray[np.float64]


class Answers(NamedTuple):
    """One model's answers by cell, shape (cells,) each.

    `truth` and `predicted` are class numbers below `classes`, also those of labels that no row truly has.
    """

    truth: Codes
    predicted: Codes
    classes: int


OfCounts = Callable[[Weights, Answers], Values]
"""A metric of each resample, shape (resamples,)."""

RowEffects = Callable[[Values, Answers], Values]
"""The most that one row more or less can change a metric, for each class that has rows; the first
argument is the number of rows of each cell."""


def accuracy(weights: Weights, answers: Answers) -> Values:
    """Share of rows whose predicted label is the true one."""
    return np.asarray(weights @ (answers.truth == answers.predicted) / weights.sum(axis=1))


def balanced_accuracy(weights: Weights, answers: Answers) -> Values:
    """Mean over the classes that are true in a resample of the share of their rows that are predicted right."""
    rows = _per_class(weights, answers.truth, answers.classes)
    return _mean_over_classes(_hits(weights, answers), rows)


def f1_macro(weights: Weights, answers: Answers) -> Values:
    """Mean over the classes that are true or predicted in a resample of F1 = 2 TP / (2 TP + FP + FN)."""
    return _mean_over_classes(2.0 * _hits(weights, answers), _appearances(weights, answers))


def balanced_accuracy_effects(rows: Values, answers: Answers) -> Values:
    """A row of a class with n rows is 1 / n of one of the averaged recalls."""
    of_class = _per_class(rows[None, :], answers.truth, answers.classes)[0]
    present = of_class[of_class > 0]
    return np.asarray(1.0 / (len(present) * present))


def f1_macro_effects(rows: Values, answers: Answers) -> Values:
    """A row that turns wrong takes 2 TP / a to (2 TP - 2) / (a - 1) in its class, with a = 2 TP + FP + FN,
    and adds one false positive, 2 TP / a to 2 TP / (a + 1), in another class: to first order
    (2 - F1) / a and F1 / a. The other class is taken as the one where that is largest. A class that appears with
    the row, or disappears, is left out: its rows are none, which is for the rule that reads the figure."""
    weights = rows[None, :]
    appearances = _appearances(weights, answers)[0]
    present = appearances > 0
    true = _per_class(weights, answers.truth, answers.classes)[0][present] > 0
    appearances = appearances[present]
    f1 = 2.0 * _hits(weights, answers)[0][present] / appearances
    elsewhere = float((f1 / appearances).max()) if len(f1) > 1 else 0.0
    return np.asarray(((2.0 - f1) / appearances + elsewhere)[true] / len(f1))


def _appearances(weights: Weights, answers: Answers) -> Values:
    """How often each class is true plus how often it is predicted: 2 TP + FP + FN."""
    predicted = _per_class(weights, answers.predicted, answers.classes)
    return _per_class(weights, answers.truth, answers.classes) + predicted


def _hits(weights: Weights, answers: Answers) -> Values:
    right = answers.truth == answers.predicted
    return _per_class(weights[:, right], answers.truth[right], answers.classes)


def _per_class(weights: Weights, codes: Codes, classes: int) -> Values:
    """Rows of each class in each resample, shape (resamples, classes)."""
    if len(codes) * classes <= MAX_DENSE:
        return np.asarray(weights @ (codes[:, None] == np.arange(classes)).astype(np.float64))
    cells = np.arange(len(codes))
    ones = csr_matrix((np.ones(len(codes)), (cells, codes)), shape=(len(codes), classes))
    return np.asarray(weights @ ones)


def _mean_over_classes(parts: Values, wholes: Values) -> Values:
    """Mean of `parts / wholes` over the classes that are there."""
    present = wholes > 0
    ratios = np.divide(parts, wholes, out=np.zeros_like(parts), where=present)
    return np.asarray(ratios.sum(axis=1) / present.sum(axis=1))
