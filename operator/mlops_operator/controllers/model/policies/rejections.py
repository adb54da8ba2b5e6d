# SPDX-License-Identifier: Apache-2.0
"""Which artifacts failed a gate of the Model.

The record is merged from what ModelVersions report, so that the same report, however often it is read, changes nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import MAX_REJECTIONS, Rejection
from mlops_operator.controllers.shared.gates import RecordedResult

_BEFORE_ALL: Final = ""


def with_rejections(known: Sequence[Rejection], results: Iterable[RecordedResult]) -> tuple[Rejection, ...]:
    """The rejections with these results.

    Of a gate and an artifact the failure on the newest rows stays, of several on the same rows the first. A pass is
    entered beside it: a pass on newer rows has ended the rejection, also when the version that reported it is gone.
    """
    rejections = {(entry.gate, entry.digest): entry for entry in known}
    ordered = sorted(results, key=lambda result: (result.time, result.version, result.evaluation_uid))
    for result in ordered:
        if result.verdict == Verdict.FAIL:
            former = rejections.get((result.gate, result.digest))
            if former is None or (result.newest_row or _BEFORE_ALL) > (former.newest_row or _BEFORE_ALL):
                rejections[result.gate, result.digest] = _rejection(result, former)
    for result in ordered:
        entry = rejections.get((result.gate, result.digest))
        if entry is None or result.verdict != Verdict.PASS or result.recent_after is None:
            continue
        if result.recent_after > (entry.passed_after or _BEFORE_ALL):
            changes = {"passed_after": result.recent_after}
            rejections[result.gate, result.digest] = entry.replace(**changes)
    latest = sorted(rejections.values(), key=lambda entry: (entry.time, entry.gate, entry.digest))
    return tuple(latest[-MAX_REJECTIONS:])


def _rejection(result: RecordedResult, former: Rejection | None) -> Rejection:
    return Rejection(
        gate=result.gate,
        digest=result.digest,
        version=result.version,
        alias=result.alias,
        promotion=result.promotion,
        promotion_uid=result.promotion_uid,
        time=result.time,
        newest_row=result.newest_row,
        passed_after=former.passed_after if former is not None else None,
    )
