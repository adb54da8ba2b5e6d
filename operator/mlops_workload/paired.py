# SPDX-License-Identifier: Apache-2.0
"""The rows of one rule as counts: distinct (truth, candidate, baseline) triples and how often each occurs.

Rows with the same triple are exchangeable, so metrics, tests and resampling need the counts alone. Labels
are replaced by the number of their class: first the true labels of all labeled rows, whatever a slice happens to
hold, then the labels that are only predicted.
"""

from __future__ import annotations

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
        classes: number of classes that are true or predicted.
        true_classes: number of those that are true; they come first.
        truth: shape (rows,); -1 where a row has no label.
        candidate: the candidate's answers, shape (rows,).
        baseline: the baseline's, None without one.
        groups: group number of each row, None where every row is a group of its own.
    """

    classes: int
    true_classes: int
    truth: Codes
    candidate: Codes
    baseline: Codes | None
    groups: Codes | None


class Cells(NamedTuple):
    """Distinct triples of some rows.

    Attributes:
        classes: number of classes that are true or predicted.
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
    answers = (candidate,) if baseline is None else (candidate, baseline)
    positions = [_position(known, labels) for labels in answers]
    unknown = [labels[position < 0] for labels, position in zip(answers, positions, strict=True)]
    others = np.unique(np.concatenate(unknown))
    codes = [
        np.where(position >= 0, position, len(known) + np.searchsorted(others, labels)).astype(np.int64)
        for labels, position in zip(answers, positions, strict=True)
    ]
    groups = None if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1].astype(np.int64)
    return Coded(
        classes=len(known) + len(others),
        true_classes=len(known),
        truth=np.where(rows.labeled, _position(known, rows.y), -1),
        candidate=codes[0],
        baseline=None if baseline is None else codes[1],
        groups=groups,
    )


def cells(coded: Coded, index: Codes) -> Cells:
    """The distinct triples of the rows with these indices, all of them labeled."""
    size = coded.classes
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


def rarest_class(coded: Coded, index: Codes, *, of_predicted: bool) -> int:
    """Labeled rows, among those with these indices, of the rarest class of the whole data.

    With `of_predicted`, a class that is only predicted is one of the classes: it has no row.
    """
    if of_predicted:
        answers = (coded.candidate,) if coded.baseline is None else (coded.candidate, coded.baseline)
        if any(int(labels[index].max()) >= coded.true_classes for labels in answers):
            return 0
    return int(np.bincount(coded.truth[index], minlength=coded.true_classes).min())


def _position(known: NDArray[Any], labels: NDArray[Any]) -> Codes:
    """Where each label is in `known`, which is sorted; -1 where it is not there."""
    if not len(known):
        return np.full(len(labels), -1, dtype=np.int64)
    position = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    return np.where(known[position] == labels, position, -1).astype(np.int64)
