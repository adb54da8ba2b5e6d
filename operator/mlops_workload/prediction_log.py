# SPDX-License-Identifier: Apache-2.0
"""The rows of one window of a prediction log: what a served model answered, and what was right.

docs/reference/formats/prediction-log.md describes the files. They are appended to while they are read, in any order,
so nothing here depends on the order of files or lines, except where two labels of one id have the
same time. The log is read twice: first the window's rows, then the labels of their ids. So memory
grows with the window, not with the log.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlops_workload.log_files import LogFiles, find_files, read_lines
from mlops_workload.prediction_row import (
    MAX_LINE_BYTES,
    Entry,
    Label,
    Problem,
    identity_of,
    kind,
    parse_document,
    parse_line,
    read_document,
)

MALFORMED: Final = frozenset(
    {
        Problem.NOT_AN_OBJECT,
        Problem.TOO_LONG,
        Problem.NO_FIELDS,
        Problem.NO_TIME,
        Problem.INVALID_ID,
        Problem.LABEL_WITHOUT_ID,
        Problem.UNKNOWN_FORMAT,
        Problem.INVALID_TIME,
        Problem.MILLISECONDS,
        Problem.MICROSECONDS,
        Problem.NANOSECONDS,
        Problem.INVALID_LABEL,
        Problem.KINDS_DIFFER,
    }
)
"""Problems that are faults of the writer, whichever window or version the line belongs to."""

MAX_VERSIONS: Final = 16
"""Names of other versions that are kept; rows of further ones are counted without a name."""


class LogRow(NamedTuple):
    """One request. `time` is in seconds since 1970.

    Attributes:
        answered: the model gave an answer, which may not be usable.
        prediction: the answer, if it is a label.
        label: what was right, if it is known.
    """

    time: float
    model_version: str
    answered: bool
    prediction: Label | None
    label: Label | None

    @property
    def comparable(self) -> bool:
        """Whether prediction and label are there and of one kind; a text never equals a number."""
        return self.prediction is not None and self.label is not None and kind(self.prediction) == kind(self.label)


@dataclass
class Skipped:
    """What was not used, and why.

    Attributes:
        problems: lines and rows by problem.
        places: `file:line` of the first one of each problem.
        versions: rows of the window of other model versions, by version.
        outside: rows with a usable time outside of the window.
        earliest: the first time outside of the window, and `latest` the last.
        unattributed: requests of the window without an answer and without a version.
        zoneless: rows of the window whose time has no offset and was read as UTC.
        unmatched: lines that bring a label to an id which no request of the window has.
        conflicting: ids with several different labels.
        files: the files that were read and those that were not.
    """

    problems: Counter[Problem] = field(default_factory=Counter)
    places: dict[Problem, str] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    outside: int = 0
    earliest: float = math.inf
    latest: float = -math.inf
    unattributed: int = 0
    zoneless: int = 0
    unmatched: int = 0
    conflicting: int = 0
    files: LogFiles = field(default_factory=lambda: LogFiles((), 0, (), ()))

    @property
    def malformed(self) -> int:
        """Lines and rows with a fault of the writer."""
        return sum(count for problem, count in self.problems.items() if problem in MALFORMED)

    @property
    def other_versions(self) -> int:
        """Rows of the window of other model versions."""
        return self.versions.total()

    def add(self, problem: Problem, place: str) -> None:
        """Count one line."""
        self.problems[problem] += 1
        self.places.setdefault(problem, place)

    def add_outside(self, time: float) -> None:
        """Count one row outside of the window."""
        self.outside += 1
        self.earliest, self.latest = min(self.earliest, time), max(self.latest, time)

    def add_version(self, version: str) -> None:
        """Count one row of another version."""
        known = version in self.versions or len(self.versions) < MAX_VERSIONS
        self.versions[version if known else "further versions"] += 1


class LogWindow(NamedTuple):
    """The rows of a window, each request once, in the order of their times.

    `repeated` counts rows that are not the first of their id. `digest` is over the rows.
    """

    rows: tuple[LogRow, ...]
    repeated: int
    skipped: Skipped
    digest: str

    @property
    def answered(self) -> int:
        """Requests with an answer, usable or not."""
        return sum(row.answered for row in self.rows)

    @property
    def unanswered(self) -> int:
        """Requests without an answer, those without a version included."""
        return len(self.rows) - self.answered + self.skipped.unattributed


class _Known(NamedTuple):
    entry: Entry
    time: float
    place: str


class _Labelling(NamedTuple):
    """A label of an id. The greatest `rank` counts: time, where a missing one is the latest, then reading order."""

    rank: tuple[float, int]
    label: Label
    place: str


def read_window(folder: Path, *, start: datetime, end: datetime, model_version: str | None = None) -> LogWindow:
    """Requests with start <= ts < end, of one model version if given, with their labels from the whole log.

    Of several rows with the same id and model version, the earliest one with an answer counts, so a
    request belongs to one window however often it is written. Raises nothing because of what the files hold.
    """
    reader = _Reader(folder, start=start.timestamp(), end=end.timestamp(), model_version=model_version)
    reader.find_requests()
    reader.find_labels()
    return reader.window()


class _Reader:
    def __init__(self, folder: Path, *, start: float, end: float, model_version: str | None) -> None:
        self._folder = folder
        self._start, self._end = start, end
        self._version = model_version
        self._known: dict[tuple[str, str], _Known] = {}
        self._unversioned: dict[str, str] = {}
        self._labels: dict[str, _Labelling] = {}
        self._conflicts: set[str] = set()
        self._repeated = 0
        self._skipped = Skipped(files=find_files(folder, since=start))

    def find_requests(self) -> None:
        """First reading: the requests of the window, and what else the log holds."""
        for place, entry in self._entries():
            if not entry.predicts or entry.time is None:
                continue
            if not self._start <= entry.time < self._end:
                self._skipped.add_outside(entry.time)
            elif self._version is not None and not entry.version:
                # A request that failed may not know which version failed.
                if entry.answered:
                    self._add_unversioned(entry, place)
                else:
                    self._skipped.unattributed += 1
            elif self._version not in (None, entry.version):
                self._skipped.add_version(entry.version)
            else:
                self._add(entry, entry.time, place)

    def find_labels(self) -> None:
        """Second reading: labels of the requests, and which of these began before the window."""
        wanted: dict[str, list[tuple[str, str]]] = {}
        for key, known in self._known.items():
            if known.entry.identity is not None:
                wanted.setdefault(known.entry.identity, []).append(key)
            elif known.entry.label is not None:
                self._labels[key[0]] = _Labelling((known.time, 0), known.entry.label, known.place)
        for number, (place, document) in enumerate(self._documents()):
            # Most rows are of other windows: only the id of these is read.
            try:
                identity = identity_of(document)
            except TypeError:
                continue
            if identity not in wanted:
                self._skipped.unmatched += "ts" not in document or "prediction" not in document
                continue
            entry = parse_document(document)
            if isinstance(entry, Problem):
                continue
            for key in wanted[identity]:
                self._drop_if_earlier(key, entry)
            if entry.label is not None:
                self._add_label(identity, entry, number, place)

    def window(self) -> LogWindow:
        """What was read."""
        identities = {known.entry.identity for known in self._known.values()}
        for identity, place in self._unversioned.items():
            if identity not in identities:
                self._skipped.add(Problem.NO_MODEL_VERSION, place)
        self._skipped.conflicting = len(self._conflicts)
        ordered = sorted(self._known.items(), key=lambda item: (item[1].time, item[0]))
        rows = tuple(self._row(key, known) for key, known in ordered)
        used = hashlib.sha256()
        for (key, _), row in zip(ordered, rows, strict=True):
            used.update(json.dumps([*key, *row]).encode() + b"\n")
        return LogWindow(rows, self._repeated, self._skipped, f"sha256:{used.hexdigest()}")

    def _row(self, key: tuple[str, str], known: _Known) -> LogRow:
        entry, found = known.entry, self._labels.get(key[0])
        label = None if found is None else found.label
        row = LogRow(known.time, entry.version, entry.answered, entry.prediction, label)
        if entry.prediction_problem is not None:
            self._skipped.add(entry.prediction_problem, known.place)
        elif row.prediction is not None and found is not None and not row.comparable:
            self._skipped.add(Problem.KINDS_DIFFER, found.place)
        return row

    def _add(self, entry: Entry, time: float, place: str) -> None:
        self._skipped.zoneless += entry.zoneless
        key = (f"line {place}" if entry.identity is None else f"id {entry.identity}", entry.version)
        former = self._known.get(key)
        self._repeated += former is not None
        if former is None or (not entry.answered, time) < (not former.entry.answered, former.time):
            self._known[key] = _Known(entry, time, place)

    def _add_unversioned(self, entry: Entry, place: str) -> None:
        """A request without a version; it may be a row of a known id that is written again with its label."""
        if entry.identity is None or entry.label is None:
            self._skipped.add(Problem.NO_MODEL_VERSION, place)
        else:
            self._unversioned[entry.identity] = place

    def _drop_if_earlier(self, key: tuple[str, str], entry: Entry) -> None:
        """Leave a request to the window that it began in."""
        known = self._known.get(key)
        same = known is not None and entry.predicts and entry.answered and entry.version == known.entry.version
        if same and entry.time is not None and entry.time < self._start:
            del self._known[key]
            self._repeated += 1

    def _add_label(self, identity: str, entry: Entry, number: int, place: str) -> None:
        assert entry.label is not None
        key = f"id {identity}"
        found = _Labelling((math.inf if entry.time is None else entry.time, number), entry.label, place)
        former = self._labels.get(key)
        if former is not None and (kind(former.label), former.label) != (kind(found.label), found.label):
            self._conflicts.add(identity)
        if former is None or found.rank > former.rank:
            self._labels[key] = found

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        """Each line that has fields, with its place; lines and fields with a problem are counted."""
        for place, line in self._lines():
            entry = Problem.TOO_LONG if len(line) > MAX_LINE_BYTES else parse_line(line)
            if not isinstance(entry, Problem):
                self._count_fields(entry, place)
                yield place, entry
            elif line.endswith(b"\n") or entry is Problem.TOO_LONG:
                # Without an end of line the writer may be in the middle of it: not a mistake.
                self._skipped.add(entry, place)

    def _documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each line that is a JSON object, with its place."""
        for place, line in self._lines():
            document = read_document(line)
            if document is not None:
                yield place, document

    def _lines(self) -> Iterator[tuple[str, bytes]]:
        for path in self._skipped.files.paths:
            name = path.relative_to(self._folder)
            try:
                for number, line in read_lines(path):
                    yield f"{name}:{number}", line
            except OSError:
                files = self._skipped.files
                unreadable = tuple(dict.fromkeys((*files.unreadable, path.name)))
                self._skipped.files = files._replace(unreadable=unreadable)

    def _count_fields(self, entry: Entry, place: str) -> None:
        # The time of a line that only brings a label is not used.
        if entry.predicts and entry.time_problem is not None:
            self._skipped.add(entry.time_problem, place)
        if entry.label_problem is not None:
            self._skipped.add(entry.label_problem, place)
