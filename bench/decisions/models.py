# SPDX-License-Identifier: Apache-2.0
"""Pairs of simulated models on simulated rows, with a known true difference."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows

Labels = NDArray[np.int64]
CLASSES = (0.7, 0.2, 0.1)


class Pair(NamedTuple):
    """Rows and the answers of both models."""

    rows: Rows
    candidate: Predictions
    baseline: Predictions


def rows_of(labels: Labels, *, slices: NDArray[np.str_] | None = None, groups: Labels | None = None) -> Rows:
    """Labeled rows without features."""
    count = len(labels)
    return Rows(
        x=np.zeros((count, 0)),
        y=labels,
        slices=np.full(count, "", dtype=np.str_) if slices is None else slices,
        labeled=np.ones(count, dtype=np.bool_),
        groups=None if groups is None else groups.astype(np.str_),
    )


def label_pair(
    generator: np.random.Generator, n: int, *, accuracy: float, discordance: float, better: float
) -> tuple[Labels, Labels, Labels]:
    """Truth, candidate and baseline.

    On a share `discordance` of rows, at least |better|, exactly one is right: by `better` more often the candidate.
    """
    discordance = max(discordance, abs(better))
    true = generator.choice(len(CLASSES), n, p=CLASSES).astype(np.int64)
    uniform = generator.random(n)
    gain, loss = (discordance + better) / 2, (discordance - better) / 2
    base_right = uniform < accuracy
    right = np.where(base_right, uniform < accuracy - loss, uniform < accuracy + gain)
    wrong = (true + generator.integers(1, len(CLASSES), n)) % len(CLASSES)
    # Two models that are both wrong mostly make the same mistake.
    other = np.where(generator.random(n) < 0.7, wrong, (true + generator.integers(1, len(CLASSES), n)) % len(CLASSES))
    return true, np.where(right, true, other), np.where(base_right, true, wrong)


def loss_pair(generator: np.random.Generator, n: int, *, better: float) -> Pair:
    """Models of two classes with log losses that differ by `better` in expectation: noisy copies of true logits."""
    logits = generator.normal(2.0, 1.5, n)
    true = (generator.random(n) > 1.0 / (1.0 + np.exp(-logits))).astype(np.int64)
    candidate, baseline = (1.0 / (1.0 + np.exp(-(logits + generator.normal(0.0, 0.5, n)))) for _ in range(2))
    rows = rows_of(true)

    def predictions(share: NDArray[np.float64], scale: float) -> Predictions:
        probabilities = np.stack([share, 1.0 - share], axis=1)
        # A factor on the probability of the true class shifts every loss by the same amount.
        return Predictions(true, probabilities * scale, true)

    return Pair(rows, predictions(candidate, float(np.exp(better))), predictions(baseline, 1.0))
