# SPDX-License-Identifier: Apache-2.0
"""`dataDeadline`: data that are not there yet are waited for, so that all objects can be applied at once."""

from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import seconds
from mlops_operator.api.trainingjob import DataWait, TrainingJobStatus, TrainingReason
from mlops_operator.controllers.trainingjob.policies.failure import Cause

FIRST_DELAY: Final = 10.0
"""Seconds between the first look that found nothing and the next."""

MAX_DELAY: Final = 60.0
"""Longest such delay, in seconds."""


def delay(tries: int) -> float:
    """Seconds from the end of the `tries`-th Job that found no data to the next: 10, 20, 40, 60, 60, ..."""
    # Doubling stops by itself long before the exponent matters.
    return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(tries - 1, 16))


def not_found(why: Cause) -> bool:
    """Whether an attempt failed because its data are not there."""
    return why.reason == TrainingReason.DATA_NOT_FOUND


def waited_for(status: TrainingJobStatus, job: Manifest) -> DataWait | None:
    """The wait, where this Job is known to be the last that found no data; None where nothing is decided yet."""
    wait = status.data_wait
    return wait if wait is not None and wait.job_uid == job["metadata"]["uid"] else None


def deadline_of(wait: DataWait, limit: str) -> datetime:
    """The moment from which missing data count as a failure."""
    return parse_timestamp(wait.since) + timedelta(seconds=seconds(limit))


def wait(former: DataWait | None, job_uid: str, end: datetime) -> DataWait:
    """The wait after a Job that found no data.

    Args:
        former: the wait so far, which goes on.
        job_uid: identity of the Job; the one that `former` knows already is counted once.
        end: when the Job ended.
    """
    if former is not None and former.job_uid == job_uid:
        return former
    tries = former.tries + 1 if former is not None else 1
    since = former.since if former is not None else timestamp(end)
    return DataWait(
        since=since, tries=tries, next_time=timestamp(end + timedelta(seconds=delay(tries))), job_uid=job_uid
    )
