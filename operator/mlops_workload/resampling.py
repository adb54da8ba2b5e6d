# SPDX-License-Identifier: Apache-2.0
"""Resampling of rows by counts.

The bootstrap of B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, Chapman & Hall 1993,
with the pair of both models' answers to a row as the unit. Rows with the same triple (see
`mlops_workload.paired`) are exchangeable, so drawing n rows with replacement and counting the triples is
one multinomial draw over the triples, whatever n is.

Rows of one group depend on each other. Where groups are declared, whole groups are drawn with
replacement (cluster bootstrap: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application,
Cambridge 1997, section 3.8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from mlops_workload.metrics.counted import Codes, Weights
from mlops_workload.paired import Cells

SAMPLES: Final = 2000
"""Resamples of one standard error: its own relative error is 1 / sqrt(2 * 2000), 1.6 %."""

MAX_ELEMENTS: Final = 4_000_000
"""Numbers of one block of resamples (32 MiB), so that memory does not grow with the number of rows."""


def resamples(found: Cells, groups: Codes | None, *, seed: int, samples: int = SAMPLES) -> Iterator[Weights]:
    """Counts of the triples in `samples` resamples of the rows, in blocks of bounded size.

    Args:
        found: the rows' triples.
        groups: group of each row, None where every row is a group of its own.
        seed: of the random numbers.
        samples: number of resamples.
    """
    generator = np.random.default_rng(seed)
    if groups is None:
        total = int(found.rows.sum())
        shares = found.rows / total
        for size in _blocks(samples, len(found.rows)):
            yield generator.multinomial(total, shares, size=size).astype(np.float64)
        return
    members = np.unique(groups, return_inverse=True)[1]
    count = int(members.max()) + 1
    content = csr_matrix((np.ones(len(members)), (members, found.of_row)), shape=(count, len(found.rows)))
    for size in _blocks(samples, max(count, len(found.rows))):
        drawn = generator.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        yield times.astype(np.float64) @ content


def _blocks(samples: int, width: int) -> Iterator[int]:
    most = max(1, MAX_ELEMENTS // max(1, width))
    for start in range(0, samples, most):
        yield min(most, samples - start)
