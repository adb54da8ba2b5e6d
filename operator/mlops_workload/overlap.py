# SPDX-License-Identifier: Apache-2.0
"""Overlap of a gate's rows with a training's: rows that a model was trained on are no evidence about new ones.

The judge compares hashes of rows (`mlops_workload.row_hashes`), so it needs no training data. A
version without hashes, or with files that could not be hashed and no row in common, is unknown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlops_contract.gate_rows import OverlapCount
from mlops_workload.row_hashes import count_overlap, hash_rows, read_training_rows
from mlops_workload.rows import Rows

_COUNTS: Final = {"candidate": OverlapCount.CANDIDATE, "baseline": OverlapCount.BASELINE}


def overlap_counts(rows: Rows, training: Mapping[str, Path]) -> dict[str, int]:
    """The number of the gate's rows, and of those that each training was given; absent where that is unknown.

    Args:
        rows: the gate's rows.
        training: by role, `candidate` and `baseline`, the file with the hashes of its training rows, if it has one.

    Raises:
        DataInvalidError: a file does not hold row hashes.
    """
    if not training:
        return {}
    hashes = hash_rows(rows.x)
    counts = {OverlapCount.ROWS.value: len(hashes)}
    for role, path in training.items():
        trained = read_training_rows(path)
        count = count_overlap(hashes, trained)
        if count or not trained.unhashed:
            counts[_COUNTS[role].value] = count
    return counts
