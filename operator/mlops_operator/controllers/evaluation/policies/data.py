# SPDX-License-Identifier: Apache-2.0
"""Rows that are not there yet are waited for, so that all objects can be applied at once."""

from datetime import datetime, timedelta
from typing import Final

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.evaluation import EvaluationReason

DEADLINE: Final = 600.0
"""Seconds for which missing rows are waited for; the default of a TrainingJob's `dataDeadline`."""

DELAY: Final = 30.0
"""Seconds from the end of a Job that found no rows to the next."""


def deadline(waiting: Waiting) -> datetime:
    """The moment from which missing rows end the Evaluation."""
    return parse_timestamp(waiting.since) + timedelta(seconds=DEADLINE)


def next_look(end: datetime, now: datetime) -> float:
    """Seconds until the Job is made again, given when the last one ended."""
    return DELAY - (now - end).total_seconds()


def waited_for(waiting: Waiting | None) -> Waiting | None:
    """The wait for missing rows, if that is what the Evaluation waits for."""
    return waiting if waiting is not None and waiting.reason == EvaluationReason.DATA_NOT_FOUND else None
