# SPDX-License-Identifier: Apache-2.0
"""What the rows themselves decide, whatever the rules found on them: too few, used before, or trained on."""

from typing import NamedTuple

from mlops_contract.models.result import Result
from mlops_operator.api.evaluation import EvaluationSpec, RecentRows, RowOverlap
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.overlap import check_overlap, row_overlap
from mlops_operator.controllers.evaluation.policies.recent import check_new_rows, check_recent, recent_rows


class RowsJudged(NamedTuple):
    """Findings about the rows of an evaluation.

    Attributes:
        recent: the recent rows; None where the spec asks for none.
        overlap: rows that candidate and baseline were trained on.
        repeated: why this would be a second measurement on the same rows; then no rule decides.
        findings: what stands in the way of a `Pass` beside the rules.
    """

    recent: RecentRows | None
    overlap: tuple[RowOverlap, ...]
    repeated: Finding | None
    findings: tuple[Finding, ...]


def judge_rows(spec: EvaluationSpec, created: str, result: Result) -> RowsJudged:
    """The findings about the rows that the run reported; `created` is the Evaluation's creation."""
    overlap = row_overlap(result.counts, with_baseline=spec.baseline is not None)
    recent = recent_rows(spec.recent, created, result.counts) if spec.recent is not None else None
    found = [check_recent(spec, recent) if recent is not None else None, check_overlap(spec.overlap, overlap)]
    return RowsJudged(
        recent=recent,
        overlap=overlap,
        repeated=check_new_rows(spec, recent) if recent is not None else None,
        findings=tuple(finding for finding in found if finding is not None),
    )
