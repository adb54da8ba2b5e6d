# SPDX-License-Identifier: Apache-2.0
"""Which window is measured when.

Windows begin at multiples of their size since 1970, so that everybody who looks agrees on
them. One is due at its end plus the label delay. Of several that have passed only the latest
is measured: a late answer to an old question helps nobody.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor


@dataclass(frozen=True)
class Span:
    """Half-open: start <= time < end; seconds since 1970."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Length in seconds."""
        return self.end - self.start


def moment(epoch: int) -> datetime:
    """The moment so many seconds after 1970."""
    return datetime.fromtimestamp(epoch, tz=UTC)


def latest_passed(now: datetime, *, size: int, delay: int) -> Span:
    """The latest window whose end lies at least `delay` seconds back."""
    end = floor((now.timestamp() - delay) / size) * size
    return Span(end - size, end)


def due_window(now: datetime, *, size: int, delay: int, begun: datetime, last_end: datetime | None) -> Span | None:
    """The window to measure now; None where none is due.

    Args:
        now: the time.
        size: length of a window in seconds.
        delay: seconds after its end until a window's labels are in.
        begun: when the monitor, and what it measures, had both begun; a window that had ended by then is never due.
        last_end: end of the last window that was measured, or None.
    """
    latest = latest_passed(now, size=size, delay=delay)
    if latest.end <= begun.timestamp() or (last_end is not None and latest.start < last_end.timestamp()):
        return None
    return latest


def next_due(now: datetime, *, size: int, delay: int, begun: datetime, last_end: datetime | None) -> float:
    """Seconds until a window becomes due, where none is due now: so the first that may be has not passed yet."""
    end = (floor(begun.timestamp() / size) + 1) * size  # the first aligned end strictly after it
    if last_end is not None:
        end = max(end, (ceil(last_end.timestamp() / size) + 1) * size)
    return end + delay - now.timestamp()


def skipped_between(last_end: datetime | None, span: Span) -> int:
    """Windows between the last measured one and `span`."""
    return 0 if last_end is None else max(0, (span.start - floor(last_end.timestamp())) // span.size)
