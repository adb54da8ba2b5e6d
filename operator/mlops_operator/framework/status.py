# SPDX-License-Identifier: Apache-2.0
"""The status that follows from a finding and the former status: written once, at the end of a plan."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from mlops_operator.api.common import StatusBase, Waiting
from mlops_operator.api.conditions import contract
from mlops_operator.framework.finding import Finding
from mlops_operator.framework.waiting import wait_for

Status = TypeVar("Status", bound=StatusBase)

WAITING = "waiting"
"""The field of a status that says what the object waits for."""


def status_of(
    former: Status, finding: Finding, changes: Mapping[str, object], *, generation: int, now: datetime
) -> Status:
    """The complete status.

    Args:
        former: the status as it is stored.
        finding: the state.
        changes: fields that change, by their Python names. `waiting` among them is what was waited for before.
        generation: of the spec.
        now: the time.
    """
    outcome, written = finding.outcome, dict(changes)
    if WAITING in type(former).model_fields:
        known = changes.get(WAITING, getattr(former, WAITING))
        assert known is None or isinstance(known, Waiting)
        wait = wait_for(known, now, finding.reason, finding.message) if finding.waits else None
        outcome = replace(outcome, message=wait.message) if wait is not None else outcome
        written[WAITING] = wait
    written |= {
        "observed_generation": generation,
        "phase": finding.phase,
        "conditions": contract(former.conditions, outcome, generation=generation, now=now, facts=finding.facts),
    }
    return former.replace(**written)


def changes_between(before: Status, after: Status) -> Mapping[str, object]:
    """The fields in which two statuses differ, as a `Decision` has them."""
    names = type(before).model_fields
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
