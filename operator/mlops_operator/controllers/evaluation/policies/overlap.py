# SPDX-License-Identifier: Apache-2.0
"""Rows that a gate and a training have in common.

A candidate is not judged by rows that it was trained on. A baseline that was trained on them looks better than
it is, so the comparison is worth nothing in either direction: that is no fault of the candidate, and `Inconclusive`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mlops_contract.gate_rows import OverlapCount
from mlops_operator.api.conditions import Truth
from mlops_operator.api.evaluation import Overlap, RowOverlap, Verdict
from mlops_operator.controllers.evaluation.policies.finding import Finding

_COUNTS: Final = {"candidate": OverlapCount.CANDIDATE, "baseline": OverlapCount.BASELINE}


def row_overlap(counts: Mapping[str, int], *, with_baseline: bool) -> tuple[RowOverlap, ...]:
    """What the run reported about the candidate and, where there is one, about the baseline."""
    roles = ("candidate", "baseline") if with_baseline else ("candidate",)
    return tuple(_of_role(role, counts.get(_COUNTS[role]), counts.get(OverlapCount.ROWS)) for role in roles)


def check_overlap(mode: Overlap, found: Sequence[RowOverlap]) -> Finding | None:
    """What the overlap decides; None where it does not stand in the way."""
    if mode is Overlap.REPORT:
        return None
    by_role = {entry.role: entry for entry in found}
    candidate, baseline = by_role["candidate"], by_role.get("baseline")
    if candidate.overlap is Truth.TRUE:
        return Finding(Verdict.FAIL, f"overlap: the candidate was trained on {_words(candidate)}")
    unknown = [entry.role for entry in found if entry.overlap is Truth.UNKNOWN]
    if mode is Overlap.REQUIRE and unknown:
        who = " and ".join(unknown)
        return Finding(
            Verdict.NO_DATA,
            f"overlap: Unknown, because there are no hashes of all training rows of the {who}; "
            "train with run.data() of the SDK and tables that it can read",
        )
    if baseline is not None and baseline.overlap is Truth.TRUE:
        message = f"overlap: the baseline was trained on {_words(baseline)}; use rows that no version was trained on"
        return Finding(Verdict.INCONCLUSIVE, message)
    return None


def _of_role(role: str, count: int | None, rows: int | None) -> RowOverlap:
    if count is None or not rows:
        return RowOverlap(role=role, overlap=Truth.UNKNOWN)
    share = round(count / rows, 6)
    return RowOverlap(role=role, overlap=Truth.TRUE if count else Truth.FALSE, rows=count, share=share)


def _words(found: RowOverlap) -> str:
    return f"{found.rows} of the gate's rows ({found.share:.2%})"
