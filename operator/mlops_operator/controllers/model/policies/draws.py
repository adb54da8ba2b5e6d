"""What a Model remembers of its gates: how many artifacts each set of rows has measured, and what was rejected.

Rows that decided about many artifacts pass one of them by luck. So each artifact counts once for each set of rows, and
the count never falls. Both records are merged from what ModelVersions report, so that the same report, however often
it is read, changes nothing.
"""

from collections.abc import Iterable, Sequence

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.model import MAX_DRAWN_ARTIFACTS, MAX_GATE_DRAWS, MAX_REJECTIONS, GateDraws, Rejection
from mlops_operator.controllers.shared.gates import RecordedResult, artifact_mark


def with_draws(known: Sequence[GateDraws], results: Iterable[RecordedResult]) -> tuple[GateDraws, ...]:
    """The draws with these results, the latest set of rows last."""
    draws = {entry.data: entry for entry in known}
    for result in sorted(results, key=lambda result: (result.time, result.version, result.evaluation_uid)):
        if result.data is not None:
            draws[result.data] = _drawn(draws.get(result.data), result, result.data)
    latest = sorted(draws.values(), key=lambda entry: (entry.last, entry.data))
    return tuple(latest[-MAX_GATE_DRAWS:])


def _drawn(entry: GateDraws | None, result: RecordedResult, data: str) -> GateDraws:
    mark = artifact_mark(result.digest)
    if entry is None:
        return GateDraws(data=data, count=1, last=result.time, artifacts=(mark,))
    # Beyond the limit nothing more can be told apart: the count stays at it.
    if mark in entry.artifacts or len(entry.artifacts) >= MAX_DRAWN_ARTIFACTS:
        return entry
    artifacts = (*entry.artifacts, mark)
    return GateDraws(data=data, count=len(artifacts), last=max(entry.last, result.time), artifacts=artifacts)


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
