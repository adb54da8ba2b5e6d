# SPDX-License-Identifier: Apache-2.0
"""Gate data of the present: labeled rows of a prediction log that no training of the Model was given.

Rows are selected by time and by the Model's hold-out (`mlops_workload.holdout`), and need the field
`inputs` of the log and a label; docs/reference/formats/prediction-log.md describes the fields. The rows become
a file of their own, so that what a gate decided by stays readable when the log has moved on.

The log is read twice: first the held-out requests of the window, then the labels of their ids. Of more than
`MAX_ROWS` requests those are kept whose identities have the lowest positions in the hold-out, which
depend on nothing else, so the time of a request has no influence.
"""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlops_contract.requests.evaluation import Columns, RecentSource
from mlops_workload.errors import DataInvalidError
from mlops_workload.holdout import Holdout, identity_of, identity_text
from mlops_workload.labels import is_missing, labels_from_values
from mlops_workload.log_files import find_files, read_lines
from mlops_workload.prediction_row import MAX_LINE_BYTES, Entry, Label, parse_line

MAX_ROWS: Final = 100_000
"""Requests that are kept: with 64 features 50 MB, and enough to detect a difference of 0.2 points of accuracy."""

FILE: Final = "recent.npz"
"""Name of the file with the recent rows, in the Job and beside the report."""

RECENT_COLUMNS: Final = Columns(id="id", group="group")
"""Columns of that file."""


class RecentRows(NamedTuple):
    """Labeled held-out rows in the order of their times.

    Attributes:
        x: the inputs, shape (rows, features).
        y: the labels.
        ids: the id of each row, empty where it has none.
        groups: the group of each row; where it has none one of its own, since other rows do not depend on it.
        times: seconds since 1970.
        unlabeled: held-out requests of the window without a label.
        unfit: held-out requests of the window without inputs, or with another number of inputs than most have.
        unidentified: requests of the window with neither group nor id.
        new: rows after the newest row of the former measurement; all of them where there was none.
    """

    x: NDArray[np.float64]
    y: NDArray[Any]
    ids: NDArray[np.str_]
    groups: NDArray[np.str_]
    times: NDArray[np.float64]
    unlabeled: int = 0
    unfit: int = 0
    unidentified: int = 0
    new: int = 0

    @property
    def newest_milliseconds(self) -> int:
        """The time of the newest row in milliseconds since 1970, rounded up; 0 without rows."""
        return math.ceil(float(self.times.max()) * 1000) if len(self.times) else 0


@dataclass
class _Request:
    """One held-out request; `order` decides between rows of one id, and the first counts."""

    position: int
    order: tuple[float, str]
    identity: str
    group: str
    inputs: NDArray[np.float64] | None
    label: Label | None
    labeled_at: tuple[float, int] = (-math.inf, -1)


@dataclass
class _Selection:
    requests: dict[str, _Request] = field(default_factory=dict)
    by_position: list[tuple[int, str]] = field(default_factory=list)
    """A heap of the negative positions: the request that goes first when there are too many comes first."""
    unidentified: int = 0

    def add(self, key: str, request: _Request) -> None:
        """Keep a request, unless an earlier row of its id is known; drop another one where there are too many."""
        known = self.requests.get(key)
        if known is not None and known.order <= request.order:
            return
        self.requests[key] = request
        if known is None:
            heapq.heappush(self.by_position, (-request.position, key))
            if len(self.requests) > MAX_ROWS:
                del self.requests[heapq.heappop(self.by_position)[1]]


def select_recent(folder: Path, source: RecentSource) -> RecentRows:
    """The held-out labeled rows of the log in `folder`; without rows where there is no such folder yet.

    Raises:
        DataInvalidError: the labels are text in one row and numbers in another.
    """
    selection = _requests(folder, source)
    _read_labels(folder, source, selection)
    return _rows(source, selection)


def write_recent(path: Path, rows: RecentRows, *, slice: str) -> None:
    """Write the rows as a table that evaluations read: equal rows give equal bytes."""
    np.savez(
        path,
        allow_pickle=False,
        X=rows.x,
        y=rows.y,
        id=rows.ids,
        group=rows.groups,
        time=rows.times,
        slice=np.full(len(rows.y), slice),
    )


def _requests(folder: Path, source: RecentSource) -> _Selection:
    first, last = source.start.timestamp(), source.end.timestamp()
    holdout = Holdout(key=source.holdout.key, share=source.holdout.share)
    selection = _Selection()
    for place, line, entry in _entries(folder, source):
        if not entry.predicts or entry.time is None or not first <= entry.time < last:
            continue
        document = json.loads(line.decode("utf-8-sig"))
        identity = identity_of(document)
        position = holdout.position(identity)
        if position is None:
            selection.unidentified += 1
        elif holdout.includes(position):
            group = identity_text(document.get("group")) or f"id {entry.identity}"
            request = _Request(
                position=position,
                order=(entry.time, place),
                identity=entry.identity or "",
                group=group,
                inputs=_inputs(document.get("inputs")),
                label=entry.label if entry.identity is None else None,
            )
            selection.add(place if entry.identity is None else f"id {entry.identity}", request)
    return selection


def _read_labels(folder: Path, source: RecentSource, selection: _Selection) -> None:
    """Give each request the latest label of its id, from request rows and label rows of the whole log."""
    for number, (_, _, entry) in enumerate(_entries(folder, source)):
        request = selection.requests.get(f"id {entry.identity}") if entry.identity is not None else None
        if request is None or entry.label is None or is_missing(entry.label):
            continue
        rank = (math.inf if entry.time is None else entry.time, number)
        if rank > request.labeled_at:
            request.label, request.labeled_at = entry.label, rank


def _rows(source: RecentSource, selection: _Selection) -> RecentRows:
    requests = sorted(selection.requests.values(), key=lambda request: (request.order, request.identity))
    lengths = Counter(len(request.inputs) for request in requests if request.inputs is not None)
    width = max(lengths, key=lambda length: (lengths[length], length), default=0)
    fit = [request for request in requests if request.inputs is not None and len(request.inputs) == width]
    used = [request for request in fit if request.label is not None and not is_missing(request.label)]
    try:
        labels = labels_from_values([request.label for request in used]).values
    except (ValueError, TypeError) as error:
        raise DataInvalidError(f"data input {source.name}: held-out rows of the log: {error}") from error
    times = np.asarray([request.order[0] for request in used], dtype=np.float64)
    after = -math.inf if source.after is None else source.after.timestamp()
    return RecentRows(
        x=np.asarray([request.inputs for request in used], dtype=np.float64).reshape(len(used), width),
        y=labels if used else np.empty(0, dtype=np.int64),
        ids=np.asarray([request.identity for request in used], dtype=np.str_),
        groups=np.asarray([request.group for request in used], dtype=np.str_),
        times=times,
        unlabeled=len(fit) - len(used),
        unfit=len(requests) - len(fit),
        unidentified=selection.unidentified,
        new=int(np.sum(times > after)),
    )


def _entries(folder: Path, source: RecentSource) -> Iterator[tuple[str, bytes, Entry]]:
    """Each line of the log that has fields, with its place."""
    for path in find_files(folder, since=source.start.timestamp()).paths:
        name = path.relative_to(folder).as_posix()
        for number, line in read_lines(path):
            entry = parse_line(line) if len(line) <= MAX_LINE_BYTES else None
            if isinstance(entry, Entry):
                yield f"{name}:{number:012}", line, entry


def _inputs(value: Any) -> NDArray[np.float64] | None:
    """The features of a request, null as NaN; None if they are not a list of numbers."""
    if not isinstance(value, list) or not value:
        return None
    numbers = [math.nan if entry is None else entry for entry in value]
    if any(isinstance(entry, bool) or not isinstance(entry, (int, float)) for entry in numbers):
        return None
    try:
        return np.asarray(numbers, dtype=np.float64)
    except OverflowError:
        return None
