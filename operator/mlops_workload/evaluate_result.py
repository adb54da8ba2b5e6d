# SPDX-License-Identifier: Apache-2.0
"""The figures and counts of an evaluation, as its result carries them."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Final

from mlops_contract import DUPLICATES, UNLABELED, Count, DataDigest, Figure, Result, rule_figure
from mlops_contract.requests.evaluation import MetricRequest
from mlops_workload.comparison import Comparison
from mlops_workload.rows import Rows, duplicate_count

VALUE_DIGITS: Final = 10
"""Significant digits of a value: -0.01 stays -0.01."""
OTHER_DIGITS: Final = 4
"""Significant digits of interval ends and p-values, so that twelve rules fit; the report has all digits."""

_FIGURES: Final = {
    Figure.CANDIDATE: ("candidate", VALUE_DIGITS),
    Figure.BASELINE: ("baseline", VALUE_DIGITS),
    Figure.LOWER: ("lower", OTHER_DIGITS),
    Figure.UPPER: ("upper", OTHER_DIGITS),
    Figure.P_MORE: ("p_more", OTHER_DIGITS),
    Figure.P_LESS: ("p_less", OTHER_DIGITS),
    Figure.P_BOUND: ("p_bound", OTHER_DIGITS),
}
_COUNTS: Final = {Count.ROWS: "rows", Count.RAREST: "rarest", Count.DISCORDANT: "discordant"}


def result_figures(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """The numbers of each rule; what was not measured or is not finite is absent."""
    figures = {}
    for position, comparison in enumerate(comparisons):
        for name, (attribute, digits) in _FIGURES.items():
            value = getattr(comparison, attribute)
            if value is not None and math.isfinite(value):
                figures[rule_figure(position, name)] = float(f"{value:.{digits}g}")
    return figures


def result_counts(rows: Rows, comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Numbers of rows: of all data, and of each rule."""
    counts = {UNLABELED: int((~rows.labeled).sum()), DUPLICATES: duplicate_count(rows)}
    for position, comparison in enumerate(comparisons):
        for name, attribute in _COUNTS.items():
            counts[rule_figure(position, name)] = getattr(comparison, attribute)
    return counts


def resampling_seed(uid: str, data: Sequence[DataDigest]) -> int:
    """The seed of an evaluation's resampling. It follows from the run and its data, so no spec can choose it."""
    identity = "|".join([uid, *(entry.digest for entry in data)])
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big")


def readable(requests: Sequence[MetricRequest], result: Result) -> Iterator[str]:
    """The figures with the rules' names, one line each."""
    for position, request in enumerate(requests):
        for name, (attribute, _) in _FIGURES.items():
            value = result.metrics.get(rule_figure(position, name))
            if value is not None:
                yield f"{request.key}.{attribute} = {value:.4g}"
