# SPDX-License-Identifier: Apache-2.0
"""How often gates of a Model drew on the rows of an Evaluation before, and the record of it with this draw.

Rows that decided about many artifacts pass one of them by luck, so a Model's status counts the artifacts that were
measured on each input. An Evaluation enters its artifact before it judges, by a write that fails if the Model's status
has changed since it was read. So of any two gates on the same rows one finds the other, whatever their order.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mlops_operator.api.common import DataRead
from mlops_operator.api.evaluation import RECENT, RecentRows
from mlops_operator.api.model import MAX_DRAWN_ARTIFACTS, MAX_GATE_DRAWS, GateDraws

_MARK_DIGITS: Final = 12


class RowsDrawn(NamedTuple):
    """One input of a measurement.

    Attributes:
        data: digest of the rows.
        log: folder of the prediction log that they are from; None where they are no recent rows.
        start: of the window of recent rows; None where they are no recent rows.
        newest: time of the newest recent row; None where there is none.
    """

    data: str
    log: str | None = None
    start: str | None = None
    newest: str | None = None


def rows_drawn(data: Iterable[DataRead], recent: RecentRows | None, log: str | None) -> tuple[RowsDrawn, ...]:
    """The inputs of a measurement.

    Args:
        data: names and digests.
        recent: the recent rows that were measured; None where the spec asks for none.
        log: the folder that they are from.
    """
    return tuple(
        RowsDrawn(entry.digest)
        if recent is None or entry.name != RECENT
        else RowsDrawn(entry.digest, log, recent.start, recent.newest)
        for entry in data
    )


def gates_before(known: Sequence[GateDraws], rows: Sequence[RowsDrawn], artifact: str) -> int:
    """Number of other artifacts that gates measured on any of the same rows.

    A former window of the same log shares rows with one that begins before the former one's newest row.

    Args:
        known: the Model's record.
        rows: the inputs that are measured now.
        artifact: digest of the candidate, which does not count if it is in the record already.
    """
    shared = [entry for entry in known if any(_share_rows(entry, one) for one in rows)]
    marks = {mark for entry in shared for mark in entry.artifacts}
    return len(marks - {_mark(artifact)})


def _share_rows(former: GateDraws, now: RowsDrawn) -> bool:
    if former.data == now.data:
        return True
    if now.start is None or former.newest_row is None:
        return False
    return former.log == now.log and former.newest_row >= now.start  # both metav1.Time: text order is time order


def with_draw(
    known: Sequence[GateDraws], rows: Sequence[RowsDrawn], artifact: str, *, time: str
) -> tuple[GateDraws, ...]:
    """The Model's record with this artifact on each of the inputs, the latest input last; `time` is of the draw."""
    entries = {entry.data: entry for entry in known}
    for one in rows:
        entries[one.data] = _drawn(entries.get(one.data), one, _mark(artifact), time)
    latest = sorted(entries.values(), key=lambda entry: (entry.last, entry.data))
    return tuple(latest[-MAX_GATE_DRAWS:])


def _drawn(entry: GateDraws | None, rows: RowsDrawn, mark: str, time: str) -> GateDraws:
    if entry is None:
        return GateDraws(data=rows.data, count=1, last=time, artifacts=(mark,), log=rows.log, newest_row=rows.newest)
    # Beyond the limit nothing more can be told apart: the count stays at it.
    if mark in entry.artifacts or len(entry.artifacts) >= MAX_DRAWN_ARTIFACTS:
        return entry
    artifacts = (*entry.artifacts, mark)
    changes = {"count": len(artifacts), "last": max(entry.last, time), "artifacts": artifacts}
    return entry.replace(**changes)


def _mark(digest: str) -> str:
    """The beginning of an artifact's digest, by which a Model remembers it: 48 bits tell its versions apart."""
    return digest.removeprefix("sha256:")[:_MARK_DIGITS]
