"""The rows of one rule as counts: distinct (truth, candidate, baseline) triples and how often each occurs.

Rows with the same triple are exchangeable, so metrics, tests and resampling need the counts alone. Labels
are replaced by the index of their class; the classes are the true labels of all labeled rows, whatever a
slice happens to hold. A predicted label that no row truly has is `classes`, one number for all such.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_workload.metrics.counted import Answers, Codes
from mlops_workload.rows import Rows

NO_ANSWER: Final = 0
"""Baseline of every row where there is no baseline: it makes no distinction."""


class Coded(NamedTuple):
    """All rows, labels as class numbers.

    Attributes:
        classes: number of true classes.
        truth: shape (rows,); -1 where a row has no label.
        candidate: the candidate's answers, shape (rows,), 0..classes.
        baseline: the baseline's, None without one.
        groups: group number of each row, None where every row is a group of its own.
    """

    classes: int
    truth: Codes
    candidate: Codes
    baseline: Codes | None
    groups: Codes | None


class Cells(NamedTuple):
    """Distinct triples of some rows.

    Attributes:
        classes: number of true classes.
        truth: class of each cell, shape (cells,).
        candidate: the candidate's answer in it.
        baseline: the baseline's answer in it.
        rows: number of rows in it.
        of_row: the cell of each row, shape (rows,).
    """

    classes: int
    truth: Codes
    candidate: Codes
    baseline: Codes
    rows: Codes
    of_row: Codes

    @property
    def of_candidate(self) -> Answers:
        """The candidate's answers."""
        return Answers(self.truth, self.candidate, self.classes)

    @property
    def of_baseline(self) -> Answers:
        """The baseline's answers."""
        return Answers(self.truth, self.baseline, self.classes)


def code(rows: Rows, candidate: NDArray[Any], baseline: NDArray[Any] | None) -> Coded:
    """Labels of rows and models as class numbers."""
    known = np.unique(rows.y[rows.labeled])
    truth = np.where(rows.labeled, _codes(known, rows.y), -1)
    groups = None if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1].astype(np.int64)
    return Coded(
        classes=len(known),
        truth=truth,
        candidate=_codes(known, candidate),
        baseline=None if baseline is None else _codes(known, baseline),
        groups=groups,
    )


def cells(coded: Coded, index: Codes) -> Cells:
    """The distinct triples of the rows with these indices, all of them labeled."""
    size = coded.classes + 1
    baseline = np.full(len(index), NO_ANSWER) if coded.baseline is None else coded.baseline[index]
    keys = (coded.truth[index] * size + coded.candidate[index]) * size + baseline
    found, of_row, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return Cells(
        classes=coded.classes,
        truth=found // (size * size),
        candidate=found // size % size,
        baseline=found % size,
        rows=counts.astype(np.int64),
        of_row=of_row.astype(np.int64),
    )


def _codes(known: NDArray[Any], labels: NDArray[Any]) -> Codes:
    if not len(known):
        return np.zeros(len(labels), dtype=np.int64)
    position = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    return np.where(known[position] == labels, position, len(known)).astype(np.int64)
