# SPDX-License-Identifier: Apache-2.0
"""Whether and when an attempt that failed or was disrupted is followed by another.

The numbers are those of Kubernetes' Job controller, so that a TrainingJob waits as a Job does. A disruption is no
failure of the run: it has a limit of its own and waits for nothing, unless one follows the other at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from types import MappingProxyType
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.trainingjob import Attempt, AttemptOutcome, TrainingReason

FIRST_DELAY: Final = 10.0
"""Seconds between the end of the first failed attempt and the next."""

MAX_DELAY: Final = 360.0
"""Longest such delay, in seconds: six minutes."""

PERMANENT: Final = MappingProxyType(
    {
        "ArtifactCorrupt": TrainingReason.DATA_CORRUPT,
        "DataCorrupt": TrainingReason.DATA_CORRUPT,
        "DataInvalid": TrainingReason.DATA_INVALID,
        "ConfigurationInvalid": TrainingReason.CONFIGURATION_INVALID,
    }
)
"""Failures that a run reports about its inputs. The inputs are the same in the next attempt, so
there is none. Everything else (crash, out of memory, eviction, an unreachable store, data that
are not there yet) may be better next time."""


def delay(failures: int) -> float:
    """Seconds from the end of the `failures`-th failed attempt to the next: 10, 20, 40, ..., 360."""
    # Doubling stops by itself long before the exponent matters.
    return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))


SHORT: Final = 60.0
"""Seconds of running time below which a disrupted attempt counts as one that got nowhere."""


def next_start(attempts: Sequence[Attempt], now: datetime) -> datetime:
    """When the next attempt begins, given those that have ended, of which there is one.

    After a disruption at once; after several in a row that got nowhere, after the delay of one failure less.
    """
    last = attempts[-1]
    end = parse_timestamp(last.completion_time) if last.completion_time else now
    if last.outcome != AttemptOutcome.DISRUPTED:
        return end + timedelta(seconds=delay(sum(entry.outcome == AttemptOutcome.FAILED for entry in attempts)))
    in_vain = sum(1 for _ in takewhile(_got_nowhere, reversed(attempts)))
    return end + timedelta(seconds=delay(in_vain - 1) if in_vain > 1 else 0.0)


def _got_nowhere(attempt: Attempt) -> bool:
    if attempt.outcome != AttemptOutcome.DISRUPTED:
        return False
    if attempt.start_time is None or attempt.completion_time is None:
        return True
    return (parse_timestamp(attempt.completion_time) - parse_timestamp(attempt.start_time)).total_seconds() < SHORT


def exhausted(count: int, limit: int) -> bool:
    """Whether `count` failed (or disrupted) attempts were too many: the limit is of those that are tried again."""
    return count > limit
