"""Whether and when a failed attempt is followed by another.

The numbers are those of Kubernetes' Job controller, so that a TrainingJob waits as a Job does.
"""

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from mlops_operator.api.trainingjob import TrainingReason

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


def next_start(failures: int, last_end: datetime) -> datetime:
    """When the next attempt begins."""
    return last_end + timedelta(seconds=delay(failures))


def exhausted(failures: int, backoff_limit: int) -> bool:
    """Whether `failures` failed attempts were the last: there are at most `backoff_limit` + 1."""
    return failures > backoff_limit
