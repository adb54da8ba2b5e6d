# SPDX-License-Identifier: Apache-2.0
"""The full report of an evaluation, for users: every figure, and the rows on which the models disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_contract import DataDigest
from mlops_contract.requests.evaluation import EvaluationRequest
from mlops_workload.comparison import Comparison, slice_index
from mlops_workload.predictions import Predictions
from mlops_workload.rows import Rows


def report_document(
    configuration: EvaluationRequest,
    comparisons: Sequence[Comparison],
    rows: Rows,
    data: Sequence[DataDigest],
    *,
    candidate: Predictions,
    baseline: Predictions | None,
) -> dict[str, Any]:
    """The report as a JSON document."""
    names = [None, *sorted({str(name) for name in rows.slices} - {""})]
    return {
        "kind": "evaluation",
        "configuration": configuration.to_dict(),
        "data": [entry.to_dict() for entry in data],
        "unlabeled": int((~rows.labeled).sum()),
        "metrics": [{**comparison._asdict(), "request": comparison.request.to_dict()} for comparison in comparisons],
        "slices": [_slice(name, rows, candidate, baseline) for name in names],
    }


def confusion(y_true: NDArray[Any], y_pred: NDArray[Any]) -> dict[str, Any]:
    """Confusion matrix: `matrix[i][j]` rows of the class `labels[i]` were predicted as `labels[j]`."""
    labels, index = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    count = len(labels)
    cells = np.bincount(index[: len(y_true)] * count + index[len(y_true) :], minlength=count * count)
    return {"labels": labels.tolist(), "matrix": cells.reshape(count, count).tolist()}


def _slice(name: str | None, rows: Rows, candidate: Predictions, baseline: Predictions | None) -> dict[str, Any]:
    index = slice_index(rows, name)
    true, said = rows.y[index], candidate.labels[index]
    document: dict[str, Any] = {"slice": name, "rows": len(index), "candidate": confusion(true, said)}
    if baseline is not None:
        base = baseline.labels[index]
        document["baseline"] = confusion(true, base)
        document["correct"] = {
            "both": int(np.sum((said == true) & (base == true))),
            "candidateOnly": int(np.sum((said == true) & (base != true))),
            "baselineOnly": int(np.sum((said != true) & (base == true))),
            "neither": int(np.sum((said != true) & (base != true))),
        }
    return document
