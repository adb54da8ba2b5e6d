# SPDX-License-Identifier: Apache-2.0
"""Which gate results a ModelVersion records, and which it lets go.

A result is recorded once, for a Promotion that waits for it. So a record that was let go does not come back: its
Promotion is decided by then.
"""

from collections.abc import Collection, Sequence

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.modelversion import MAX_GATE_RESULTS, GateResult
from mlops_operator.controllers.shared.rejections import has_ended


def with_results(
    known: Sequence[GateResult], fresh: Sequence[GateResult], *, waiting: Collection[str]
) -> tuple[GateResult, ...]:
    """The records with the fresh ones, as far as there is room.

    The latest `Fail` of each gate stays while it rejects the version, and the pass that ended one does not go before
    it. What an open Promotion waits for stays until it is decided. Of the others the oldest make room.

    Args:
        fresh: results of Evaluations that open Promotions wait for.
        waiting: names of the Promotions that are open.
    """
    recorded = {entry.evaluation_uid for entry in known}
    results = list(known)
    for result in sorted(fresh, key=lambda entry: (entry.time, entry.evaluation_uid)):
        if result.evaluation_uid in recorded:
            continue
        if len(results) >= MAX_GATE_RESULTS:
            oldest = next((entry for entry in results if _may_go(entry, results, waiting)), None)
            if oldest is None:
                break  # recorded when the Promotions that hold the room are decided
            results.remove(oldest)
        results.append(result)
    return tuple(results)


def _may_go(entry: GateResult, results: Sequence[GateResult], waiting: Collection[str]) -> bool:
    if entry.promotion in waiting:
        return False
    same = [other for other in results if other.gate == entry.gate]
    failures = [other for other in same if other.verdict is Verdict.FAIL]
    if entry.verdict is Verdict.PASS:
        return not any(_ends(entry, failure) for failure in failures)
    if not failures or entry is not failures[-1]:
        return True
    return any(other.verdict is Verdict.PASS and _ends(other, entry) for other in same)


def _ends(entry: GateResult, failure: GateResult) -> bool:
    return has_ended(failure.newest_row, entry.recent_after)
