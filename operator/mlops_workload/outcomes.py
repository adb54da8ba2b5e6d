# SPDX-License-Identifier: Apache-2.0
"""Figures of labels against predictions, each with its standard error.

Rows with the same label and the same prediction are exchangeable, so all that matters is the number
of rows in each cell of the confusion matrix. A resample of the rows with replacement is one
multinomial draw over the cells, whatever the number of rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from mlops_workload.metrics import Metric
from mlops_workload.metrics.counted import Answers
from mlops_workload.prediction_row import Label

RESAMPLES: Final = 200
"""The relative standard error of a standard error from r resamples is about 1 / sqrt(2 r): 5 % here."""

AT_ONCE: Final = 20
"""Resamples that are held in memory together."""

MAX_REPORTED_CLASSES: Final = 200
"""Side of the largest confusion matrix in a report."""


@dataclass(frozen=True)
class Outcomes:
    """Cells of a confusion matrix: `counts[i]` rows have the label `classes[true[i]]` and the prediction
    `classes[predicted[i]]`. Labels are equal as in Python, so 1, 1.0 and true are one class.
    """

    classes: tuple[Label, ...]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: Sequence[tuple[Label | None, Label | None]]) -> Self:
        """From pairs of label and prediction, neither of them None."""
        cells = Counter(pairs)
        known = dict.fromkeys(value for pair in cells for value in pair if value is not None)
        classes = tuple(sorted(known, key=lambda value: (isinstance(value, str), value)))
        code = {value: number for number, value in enumerate(classes)}
        pairs_of_codes = [(code[true], code[said]) for true, said in cells if true is not None and said is not None]
        coded = np.array(pairs_of_codes, dtype=np.int64).reshape(-1, 2)
        return cls(classes, coded[:, 0], coded[:, 1], np.array(list(cells.values()), dtype=np.int64))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    def figures(self, metrics: Sequence[Metric], *, seed: str) -> dict[str, float]:
        """Each metric of labels and its standard error; empty without rows. `seed` makes the resampling repeatable."""
        if not self.rows:
            return {}
        counts = self.counts[None, :].astype(np.float64)
        figures: dict[str, float] = {}
        for metric in metrics:
            assert metric.of_counts is not None
            figures[metric.name] = float(metric.of_counts(counts, self._answers)[0])
            figures[f"{metric.name}.se"] = self._standard_error(metric, seed)
        return figures

    def rarest(self, metrics: Sequence[Metric]) -> dict[str, int]:
        """Labeled rows of the rarest class as `<metric>.rarest`, for metrics that weigh all classes alike.

        For F1 a class that is only predicted counts, too: its F1 is 0, with no row to judge by.
        """
        if not self.rows:
            return {}
        per_class = self._per_class()
        labeled = per_class[per_class > 0]
        return {
            f"{metric.name}.rarest": int((per_class if metric.of_predicted else labeled).min())
            for metric in metrics
            if metric.macro
        }

    def confusion(self) -> dict[str, Any]:
        """Confusion matrix: `matrix[i][j]` rows of the class `labels[i]` were predicted as `labels[j]`."""
        size = len(self.classes)
        if size > MAX_REPORTED_CLASSES:
            return {"labels": None, "matrix": None, "classes": size}
        matrix = np.zeros((size, size), dtype=np.int64)
        np.add.at(matrix, (self.true, self.predicted), self.counts)
        return {"labels": list(self.classes), "matrix": matrix.tolist()}

    @property
    def _answers(self) -> Answers:
        return Answers(self.true, self.predicted, len(self.classes))

    def _standard_error(self, metric: Metric, seed: str) -> float:
        if not metric.macro or metric.of_counts is None:
            # With half a row on either side (Jeffreys): a share of 0 or 1 is not known exactly, either.
            right = int(self.counts[self.true == self.predicted].sum())
            share = (right + 0.5) / (self.rows + 1)
            return float(np.sqrt(share * (1 - share) / self.rows))
        generator = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))
        shares = self.counts / self.rows
        values: list[float] = []
        for _ in range(RESAMPLES // AT_ONCE):
            draws = generator.multinomial(self.rows, shares, size=AT_ONCE).astype(np.float64)
            values += metric.of_counts(draws, self._answers).tolist()
        return max(float(np.std(values, ddof=1)), self._least_error())

    def _least_error(self) -> float:
        """Standard error of the mean recall with half a row on either side: not 0 even if all rows are right."""
        rows, right = self._per_class(), self.true == self.predicted
        hits = np.bincount(self.true[right], weights=self.counts[right], minlength=len(self.classes))
        present = rows > 0
        share = (hits[present] + 0.5) / (rows[present] + 1)
        return float(np.sqrt(np.sum(share * (1 - share) / rows[present])) / present.sum())

    def _per_class(self) -> NDArray[np.float64]:
        """Labeled rows of each class."""
        return np.asarray(np.bincount(self.true, weights=self.counts, minlength=len(self.classes)), dtype=np.float64)
