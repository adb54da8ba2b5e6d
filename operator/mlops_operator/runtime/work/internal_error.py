# SPDX-License-Identifier: Apache-2.0
"""What is reported about an object whose reconciliation keeps failing with an unexpected error; pure.

Such an error is a defect of the operator. Without a report the object would look as if it still worked: no status, no
event, and a client that waits for it waits permanently.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import INTERNAL_ERROR, READY, RECONCILING, STALLED, Condition, contract, stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.runtime.work.plan import Event, EventType, Plan

UNEXPECTED_ERRORS: Final = 5
"""Unexpected errors of one object in a row after which that is reported: the first retries, within 0.2 s, are left to
errors that pass, such as one that a change of the caches during the plan explains."""

_OURS: Final = frozenset({RECONCILING, STALLED, READY})


def internal_error(obj: Manifest, error: Exception, now: datetime) -> Plan:
    """The status of an object whose reconciliation failed `UNEXPECTED_ERRORS` times in a row, and the event, once.

    Only the error's type is named: its text may quote what is not for every reader of the object.
    """
    message = (
        f"an unexpected error ({type(error).__name__}) ended {UNEXPECTED_ERRORS} reconciliations in a row; this is a "
        "defect of the operator, whose log has the details; it is retried every 5 minutes and after every change"
    )
    generation = obj["metadata"].get("generation", 1)
    status: Manifest = obj.get("status") or {}
    conditions = contract(_readable(status), stalled(INTERNAL_ERROR, message), generation=generation, now=now)
    others = [entry for entry in status.get("conditions") or () if entry.get("type") not in _OURS]
    reported = [condition.to_manifest() for condition in conditions]
    event = Event(type=EventType.WARNING, reason=INTERNAL_ERROR, message=message, action="Reconcile")
    return Plan(
        status={**status, "observedGeneration": generation, "conditions": [*reported[:-1], *others, reported[-1]]},
        events=() if is_reported(obj) else (event,),
        final=True,
    )


def is_reported(obj: Manifest) -> bool:
    """Whether the object's status reports an internal error."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(entry.get("reason") == INTERNAL_ERROR for entry in conditions)


def without_report(obj: Manifest) -> Manifest:
    """The object as its controller sees it: without the report, which no plan must take for a conclusion of its own."""
    if not is_reported(obj):
        return obj
    status = obj["status"]
    kept = [entry for entry in status["conditions"] if entry.get("reason") != INTERNAL_ERROR]
    return {**obj, "status": {**status, "conditions": kept}}


def recovered(obj: Manifest, plan: Plan) -> Plan:
    """A plan that came to its end: its status replaces the report, also where it would leave the status as it is."""
    if plan.status is not None or not is_reported(obj):
        return plan
    return replace(plan, status=without_report(obj)["status"])


def _readable(status: Manifest) -> list[Condition]:
    """The conditions that keep their transition times; what cannot be read is written anew."""
    found = []
    for entry in status.get("conditions") or ():
        try:
            found.append(Condition.model_validate(entry))
        except ValueError:
            continue
    return found
