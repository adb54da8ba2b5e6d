# SPDX-License-Identifier: Apache-2.0
"""What a plan's faults do to the requests and watches of the operator; see `tests/faults/plan.py`."""

from collections.abc import Sequence

from tests.faults.injections.answers import RefuseRequests, SlowAnswers
from tests.faults.injections.base import Injection, Surroundings
from tests.faults.injections.notices import DelayLines, HoldNotice, RepeatLines
from tests.faults.injections.snapshot import OldSnapshot
from tests.faults.injections.watches import EndWatches
from tests.faults.injections.write import AtWrite
from tests.faults.plan import BadWatch, Clock, Delay, Fault, Hold, Plan, Refuse, Repeat, Slow, Stale


def injections(plan: Plan, around: Surroundings) -> Sequence[Injection]:
    """The injections of a plan's faults, in their order; the clock is set where the process starts."""
    return [_injection(fault, around) for fault in plan.faults if not isinstance(fault, Clock)]


def _injection(fault: Fault, around: Surroundings) -> Injection:  # noqa: PLR0911 - one line for each kind
    match fault:
        case Hold():
            return HoldNotice(fault, around)
        case Delay():
            return DelayLines(fault, around)
        case Repeat():
            return RepeatLines(fault, around)
        case Stale():
            return OldSnapshot(fault, around)
        case BadWatch():
            return EndWatches(fault, around)
        case Refuse():
            return RefuseRequests(fault, around)
        case Slow():
            return SlowAnswers(fault, around)
        case Clock():
            raise ValueError("the clock is no injection of the proxy")
        case _:
            return AtWrite(fault, around)
