# SPDX-License-Identifier: Apache-2.0
"""Losses of rows, for metrics of class probabilities."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PROBABILITY_FLOOR: Final = float(np.finfo(np.float64).eps)
"""Probabilities are clipped to [floor, 1 - floor]: one certain mistake is expensive, not infinite."""


def log_losses(columns: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Negative natural logarithm of the probability given to each row's true class; `log_loss` is their mean.

    Args:
        columns: the column of each row's true class, -1 for a class that the model does not know, which has
            probability 0.
        probabilities: shape (rows, classes); each row sums to 1.
    """
    columns = columns.astype(np.int64)
    given = np.where(columns >= 0, probabilities[np.arange(len(columns)), columns], 0.0)
    return np.asarray(-np.log(np.clip(given, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)))
