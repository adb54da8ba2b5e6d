"""How often gates of a Model drew on the rows of an Evaluation before, and the record of it with this draw.

Rows that decided about many artifacts pass one of them by luck, so a Model's status counts the artifacts that were
measured on each input. An Evaluation enters its artifact before it judges, by a write that fails if the Model's status
has changed since it was read. So of any two gates on the same rows one finds the other, whatever their order.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from mlops_operator.api.common import DataRead
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.evaluation import RECENT, Recent, RecentRows
from mlops_operator.api.model import MAX_DRAWN_ARTIFACTS, MAX_GATE_DRAWS, GateDraws

_MARK_DIGITS: Final = 12


class RowsDrawn(NamedTuple):
    """One input of a measurement.

    Attributes:
        data: digest of the rows.
        log: folder of the prediction log that they are from; None where they are no recent rows.
        newest: time of the newest of them; None where they are no recent rows.
    """

    data: str
    log: str | None = None
    newest: str | None = None


def rows_drawn(data: Iterable[DataRead], recent: Recent | None, found: RecentRows | None) -> tuple[RowsDrawn, ...]:
    """The inputs of a measurement, given the recent rows that were asked for and those that were found."""
    log, newest = (recent.uri, found.newest) if recent is not None and found is not None else (None, None)
    return tuple(
        RowsDrawn(entry.digest, log, newest) if entry.name == RECENT else RowsDrawn(entry.digest) for entry in data
    )


def gates_before(
    known: Sequence[GateDraws], rows: Sequence[RowsDrawn], artifact: str, *, since: datetime | None = None
) -> int:
    """Number of other artifacts that gates measured on any of the same rows.

    Args:
        known: the Model's record.
        rows: the inputs that are measured now.
        artifact: digest of the candidate, which does not count if it is in the record already.
        since: start of the window of recent rows. Former windows of the same log that reach into it share rows with it.
    """
    shared = [entry for entry in known if any(_share_rows(entry, one, since) for one in rows)]
    marks = {mark for entry in shared for mark in entry.artifacts}
    return len(marks - {_mark(artifact)})


def _share_rows(former: GateDraws, now: RowsDrawn, since: datetime | None) -> bool:
    if former.data == now.data:
        return True
    if since is None or now.log is None or former.log != now.log or former.newest_row is None:
        return False
    return parse_timestamp(former.newest_row) >= since


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
    return entry.model_copy(update=changes)


def _mark(digest: str) -> str:
    """The beginning of an artifact's digest, by which a Model remembers it: 48 bits tell its versions apart."""
    return digest.removeprefix("sha256:")[:_MARK_DIGITS]
