# SPDX-License-Identifier: Apache-2.0
"""What a kind decides: one finding, what follows from it, and what is to be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlops_operator.api.conditions import Fact, Outcome, ready, stalled, working
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.work.plan import Action, Event


class Severity(StrEnum):
    """What a finding means for the conditions `Ready`, `Reconciling` and `Stalled`."""

    READY = "Ready"
    """The desired state has been reached."""
    WORKING = "Working"
    """The operator works on it, or waits for something that it watches."""
    STALLED = "Stalled"
    """It cannot recover without a change by the user."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The state of an object: the only source of its phase and conditions.

    Attributes:
        phase: one word.
        reason: of `Ready`.
        message: of `Ready`.
        severity: which of the three conditions are `True`.
        facts: the kind's own conditions.
        waits: whether the object waits for what reason and message say. The message then stays as it was where only
            numbers in it change, and `status.waiting` has the time since when.
    """

    phase: str
    reason: str
    message: str
    severity: Severity = Severity.WORKING
    facts: tuple[Fact, ...] = ()
    waits: bool = False

    @classmethod
    def of(cls, phase: str, outcome: Outcome, *, facts: tuple[Fact, ...] = (), waits: bool = False) -> "Finding":
        """The finding of an outcome."""
        at_work = Severity.WORKING if outcome.reconciling else Severity.READY
        severity = Severity.STALLED if outcome.stalled else at_work
        return cls(
            phase=phase, reason=outcome.reason, message=outcome.message, severity=severity, facts=facts, waits=waits
        )

    @property
    def outcome(self) -> Outcome:
        """In the terms of the conditions."""
        if self.severity is Severity.READY:
            return ready(self.reason, self.message)
        return (stalled if self.severity is Severity.STALLED else working)(self.reason, self.message)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer of a kind to what it observed.

    Attributes:
        finding: the state; None where there is nothing new to be said, so that the status stays.
        changes: fields of the status that change, by their Python names.
        actions: see `Plan`.
        depends_on: see `Plan`.
        confirm_absent: see `Plan`.
        requeue_after: see `Plan`.
        events: events beside those that follow from the difference of the statuses.
        logged: see `Plan.decisions`.
    """

    finding: Finding | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    depends_on: tuple[tuple[Resource, Manifest], ...] = ()
    confirm_absent: tuple[tuple[Resource, Key], ...] = ()
    requeue_after: float | None = None
    events: tuple[Event, ...] = ()
    logged: tuple[Event, ...] = ()
