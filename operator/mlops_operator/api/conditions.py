# SPDX-License-Identifier: Apache-2.0
"""Conditions, and the contract by which Helm, Flux, Argo CD and users read them.

Every kind has the conditions `Reconciling`, `Stalled` and, last, `Ready` (kstatus). `Reconciling` is true while
the operator works or waits, `Stalled` when recovery needs a change by the user, `Ready` when the desired state
has been reached.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from mlops_contract.text import clean
from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import StatusModel, Timestamp


class Truth(StrEnum):
    """Status of a condition. Missing or insufficient evidence is `Unknown`."""

    TRUE = "True"
    """`True` is set when the condition holds."""
    FALSE = "False"
    """`False` is set when the condition does not hold."""
    UNKNOWN = "Unknown"
    """`Unknown` is set when the evidence does not suffice to decide."""


READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"

INTERNAL_ERROR: Final = "InternalError"
"""`InternalError` is set by any kind when reconciliations of the object keep failing with an unexpected error, which is
a defect of the operator. The next reconciliation that succeeds removes it."""

MAX_MESSAGE: Final = 1024
"""Maximum length of a condition message in characters. The API allows 32768; a smaller limit keeps objects small."""


class Condition(StatusModel):
    """A condition of the object, as `metav1.Condition`."""

    type: Annotated[str, Field(max_length=64)]
    """Type of the condition in CamelCase."""
    status: Truth
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Reason of the last transition in CamelCase."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Explanation of the status for users."""
    observed_generation: Annotated[int, Field(ge=0)] = 0
    """Generation of the spec that the condition describes."""
    last_transition_time: Timestamp
    """Time at which `status` last changed."""


@dataclass(frozen=True)
class Fact:
    """The desired state of one condition. Its transition time follows from the previous condition."""

    type: str
    status: Truth
    reason: str
    message: str = ""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as metav1.Time is written."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """The moment of a metav1.Time or MicroTime; UTC where the text states no offset."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def transition(
    previous: Iterable[Condition], facts: Iterable[Fact], *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions that state `facts`: `lastTransitionTime` moves only where the status flips."""
    before = {condition.type: condition for condition in previous}
    result = []
    for fact in facts:
        old = before.get(fact.type)
        same = old is not None and old.status == fact.status
        result.append(
            Condition(
                type=fact.type,
                status=fact.status,
                reason=fact.reason,
                message=clean(fact.message, MAX_MESSAGE),
                observed_generation=generation,
                last_transition_time=old.last_transition_time if old is not None and same else timestamp(now),
            )
        )
    return tuple(result)


@dataclass(frozen=True)
class Outcome:
    """State of an object in terms of the conditions contract. Built by the functions below."""

    ready: Truth
    reconciling: bool
    stalled: bool
    reason: str
    message: str


def ready(reason: str, message: str = "") -> Outcome:
    """The desired state has been reached."""
    return Outcome(Truth.TRUE, False, False, reason, message)


def working(reason: str, message: str = "", *, ready: Truth = Truth.FALSE) -> Outcome:
    """The operator works on the object, or waits for something that it watches."""
    return Outcome(ready, True, False, reason, message)


def stalled(reason: str, message: str, *, ready: Truth = Truth.FALSE) -> Outcome:
    """Cannot recover without a change by the user."""
    return Outcome(ready, False, True, reason, message)


def contract(
    previous: Sequence[Condition],
    outcome: Outcome,
    *,
    generation: int,
    now: datetime,
    facts: Iterable[Fact] = (),
) -> tuple[Condition, ...]:
    """All conditions of an object: `Reconciling`, `Stalled`, the kind's own `facts`, `Ready` last."""

    def abnormal(kind: str, value: bool) -> Fact:
        if value:
            return Fact(kind, Truth.TRUE, outcome.reason, outcome.message)
        return Fact(kind, Truth.FALSE, f"Not{kind}")

    return transition(
        previous,
        (
            abnormal(RECONCILING, outcome.reconciling),
            abnormal(STALLED, outcome.stalled),
            *facts,
            Fact(READY, outcome.ready, outcome.reason, outcome.message),
        ),
        generation=generation,
        now=now,
    )


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type, or None."""
    return next((condition for condition in conditions if condition.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Whether the condition of that type is there and `True`."""
    condition = find(conditions, kind)
    return condition is not None and condition.status is Truth.TRUE


def condition_of(obj: Manifest, kind: str) -> Manifest:
    """The condition of type `kind` of an object as it is stored, or an empty one."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            found: Manifest = entry
            return found
    return {}


def holds(obj: Manifest, kind: str) -> bool:
    """Whether the condition of type `kind` of an object as it is stored is `True`."""
    return condition_of(obj, kind).get("status") == "True"
