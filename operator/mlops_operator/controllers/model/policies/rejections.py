"""Which artifacts failed a gate of the Model.

The record is merged from what ModelVersions report, so that the same report, however often it is read, changes nothing.
"""

from collections.abc import Iterable, Sequence

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import MAX_REJECTIONS, Rejection
from mlops_operator.controllers.shared.gates import RecordedResult


def with_rejections(known: Sequence[Rejection], results: Iterable[RecordedResult]) -> tuple[Rejection, ...]:
    """The rejections with these results; of a gate and an artifact the first one stays."""
    rejections = {(entry.gate, entry.digest): entry for entry in known}
    for result in sorted(results, key=lambda result: (result.time, result.version, result.evaluation_uid)):
        if result.verdict == Verdict.FAIL and (result.gate, result.digest) not in rejections:
            rejections[result.gate, result.digest] = Rejection(
                gate=result.gate,
                digest=result.digest,
                version=result.version,
                alias=result.alias,
                promotion=result.promotion,
                promotion_uid=result.promotion_uid,
                time=result.time,
            )
    latest = sorted(rejections.values(), key=lambda entry: (entry.time, entry.gate, entry.digest))
    return tuple(latest[-MAX_REJECTIONS:])
