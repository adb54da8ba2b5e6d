# SPDX-License-Identifier: Apache-2.0
"""How an evaluation's result names the counts of its recent rows and of the rows that a training had as well."""

from __future__ import annotations

from enum import Enum


class RecentCount(str, Enum):
    """A number about the recent rows, in `counts`; all are absent where the evaluation asks for none."""

    ROWS = "recent.rows"
    """Labeled held-out requests of the window: the rows that are measured."""
    NEW = "recent.new"
    """Those after the newest row of the former measurement."""
    NEWEST = "recent.newest"
    """Time of the newest one, in milliseconds since 1970, rounded up; 0 without rows."""
    UNLABELED = "recent.unlabeled"
    """Held-out requests without a label."""
    UNFIT = "recent.unfit"
    """Held-out requests without inputs, or with another number of inputs than most have."""
    UNIDENTIFIED = "recent.unidentified"
    """Requests with neither group nor id, held out or not."""


class OverlapCount(str, Enum):
    """A number of rows of the gate, in `counts`."""

    ROWS = "overlap.rows"
    """All rows of the gate."""
    CANDIDATE = "overlap.candidate"
    """Rows that the candidate was trained on; absent where that is unknown."""
    BASELINE = "overlap.baseline"
    """Rows that the baseline was trained on; absent where that is unknown."""
