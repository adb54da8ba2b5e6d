# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the decisions: every start, and of the skipped triggers what explains them.

A trigger that is skipped again and again for one reason is one record with a count, brought up
to date at most once a minute, so that a long training does not push the history out.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.retrainpolicy import MAX_DECISIONS, Decision, DecisionOutcome

SKIP_INTERVAL: Final = 60.0
"""Seconds between two updates of one record."""


def with_start(decisions: Sequence[Decision], started: Decision) -> tuple[Decision, ...]:
    """The history with a training that was started."""
    return _bounded((*decisions, started))


def with_skip(decisions: Sequence[Decision], skip: Decision, *, now: datetime) -> tuple[Decision, ...]:
    """The history with a skipped trigger, where it says anything new."""
    if any(decision.id == skip.id for decision in decisions):
        return tuple(decisions)
    former = next((decision for decision in reversed(decisions) if decision.trigger == skip.trigger), None)
    if former is None or former.outcome is not DecisionOutcome.SKIPPED or former.reason != skip.reason:
        return _bounded((*decisions, skip))
    if (now - parse_timestamp(former.time)).total_seconds() < SKIP_INTERVAL:
        return tuple(decisions)
    again = skip.replace(count=former.count + 1)
    return (*(decision for decision in decisions if decision.id != former.id), again)


def with_changed(decisions: Sequence[Decision], changed: Decision) -> tuple[Decision, ...]:
    """The history with one decision brought up to date."""
    return tuple(changed if decision.id == changed.id else decision for decision in decisions)


def last_completed(decisions: Sequence[Decision]) -> datetime | None:
    """When the last training that came to its end did so."""
    ends = [parse_timestamp(decision.completed_at) for decision in decisions if decision.completed_at]
    return max(ends, default=None)


def _bounded(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """At most `MAX_DECISIONS`: the oldest skipped goes first, then the oldest that has ended; never an open one."""
    while len(decisions) > MAX_DECISIONS:
        skipped = [decision for decision in decisions[:-1] if decision.outcome is DecisionOutcome.SKIPPED]
        ended = [decision for decision in decisions[:-1] if not decision.open]
        goes = (skipped or ended)[0]
        decisions = tuple(decision for decision in decisions if decision is not goes)
    return decisions
