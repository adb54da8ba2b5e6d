# SPDX-License-Identifier: Apache-2.0
"""Budget of runs: the starts in a sliding period.

The start times are kept apart from the decisions, whose list is shorter than a period may be long.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.retrainguard import MAX_RUNS, Budget
from mlops_operator.api.schema import seconds


def with_recent_start(starts: Sequence[str], started: str) -> tuple[str, ...]:
    """The start times with another one; the newest `MAX_RUNS` are kept."""
    return tuple(sorted((*starts, started)))[-MAX_RUNS:]


def recent(starts: Sequence[str], budget: Budget, *, now: datetime) -> tuple[str, ...]:
    """The starts in the period that ends now; one that is exactly as old as the period is not in it."""
    per = timedelta(seconds=seconds(budget.per))
    return tuple(start for start in starts if parse_timestamp(start) + per > now)


def budget_end(starts: Sequence[str], budget: Budget) -> datetime | None:
    """When a run is available again; None while fewer than `runs` trainings started.

    Args:
        starts: in the current period, the newest last.
        budget: runs and period.
    """
    if len(starts) < budget.runs:
        return None
    return parse_timestamp(starts[len(starts) - budget.runs]) + timedelta(seconds=seconds(budget.per))


def next_change(starts: Sequence[str], budget: Budget) -> datetime | None:
    """When the oldest start leaves the period; None where there is none."""
    return parse_timestamp(starts[0]) + timedelta(seconds=seconds(budget.per)) if starts else None
