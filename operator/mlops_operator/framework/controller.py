# SPDX-License-Identifier: Apache-2.0
"""A kind as a declaration and a decision; everything between both and the engine."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import stalled
from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import Manifest
from mlops_operator.framework.events import transition_events
from mlops_operator.framework.finding import Decision, Finding
from mlops_operator.framework.rejections import Refusal, refusal
from mlops_operator.framework.specs import InvalidSpecError
from mlops_operator.framework.status import status_of
from mlops_operator.kube.resources import Resource, resource_of
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Event, Plan, Read, Rejection

Status = TypeVar("Status", bound=StatusBase)
Observed = TypeVar("Observed")


class KindController(ABC, Generic[Status, Observed]):
    """One kind: what it declares, what it observes, what it decides.

    From that follow the plan, its status, its events, and what an invalid spec and a rejection mean.

    Attributes:
        kind: its models.
        status: the model of its status.
        action: what events say the controller was doing.
        spec_can_change: whether a spec can be corrected; else what waits for another spec is the end.
        invalid: the reason where the API server finds a child invalid.
        watches: everything but the kind itself that concerns it.
        indexes: look-ups it uses.
        rules: the rights it needs beyond reading its own kind and patching its status.
        event_names: the event's reason for a condition's reason, where they differ.
        quiet: reasons that make no event.
    """

    kind: ClassVar[Kind]
    resource: Resource
    status: type[Status]
    action: ClassVar[str]
    spec_can_change: ClassVar[bool] = True
    invalid: ClassVar[str] = reasons.INVALID_POD_TEMPLATE
    watches: Sequence[Watch] = ()
    indexes: Sequence[Index] = ()
    rules: Sequence[Rule] = ()
    event_names: ClassVar[Mapping[str, str]] = {}
    quiet: ClassVar[Collection[str]] = ()

    def __init_subclass__(cls) -> None:
        """Names the API resource of the kind."""
        super().__init_subclass__()
        cls.resource = resource_of(cls.kind)

    def __init__(self, settings: object) -> None:
        """For kinds to which nothing of the installation matters; others keep its `settings`."""

    # -- what a kind says --------------------------------------------------------------------------

    @abstractmethod
    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
        """Put together what `decide` sees.

        Raises:
            InvalidSpecError: the spec does not fit its model.
        """

    @abstractmethod
    def decide(self, observed: Observed, now: datetime) -> Decision:
        """The next step; pure."""

    def refused(self, obj: Manifest, former: Status, found: Refusal, now: datetime) -> Decision:  # noqa: ARG002
        """What a refusal of a child, or of the spec, means; when it is tried again follows from `found`."""
        phase = "Failed" if found.final else "Pending"
        return Decision(finding=Finding.of(phase, found.outcome, waits=not found.outcome.stalled))

    def is_final(self, former: Status) -> bool:  # noqa: ARG002  (most kinds have no end)
        """Whether nothing changes the object any more."""
        return False

    def warnings(self, after: Status) -> Collection[str]:  # noqa: ARG002  (most kinds name none)
        """Reasons that make a warning beside those that stall the object."""
        return ()

    def first_events(self, before: Status, after: Status) -> tuple[Event, ...]:  # noqa: ARG002
        """Events that come before the one of the reason of `Ready`."""
        return ()

    def more_events(self, before: Status, after: Status) -> tuple[Event, ...]:  # noqa: ARG002
        """Events of other differences than the reason of `Ready`."""
        return ()

    def about(self, rejection: Rejection) -> str:  # noqa: ARG002  (most kinds have one sort of child)
        """How the message of a refusal begins, before the server's words."""
        return ""

    def cleaned(self, plan: Plan, observed: Observed, now: datetime) -> Plan:  # noqa: ARG002
        """The plan with the deletions of what is over."""
        return plan

    # -- what the engine calls ---------------------------------------------------------------------

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:  # noqa: ARG002
        """Reads from the API server that the decision needs; none by default."""
        return ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The plan for the object."""
        try:
            observed = self.observe(obj, world, reads)
        except InvalidSpecError as error:
            found = Refusal(stalled(reasons.INVALID_SPEC, str(error)), final=not self.spec_can_change)
            return self._refused(obj, found, now)
        former = self.status.of(obj)
        decision = Decision() if self.is_final(former) else self.decide(observed, now)
        return self.cleaned(self._plan(obj, former, decision, now), observed, now)

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """The plan after an action was refused; see `framework/rejections.py`."""
        found = refusal(
            rejection,
            spec_can_change=self.spec_can_change,
            invalid=self.invalid,
            about=self.about(rejection),
        )
        return self._refused(obj, found, now)

    def _refused(self, obj: Manifest, found: Refusal, now: datetime) -> Plan:
        former = self.status.of(obj)
        if found.final and self.is_final(former):
            return Plan()
        decision = replace(self.refused(obj, former, found, now), requeue_after=found.retry_after)
        return self._plan(obj, former, decision, now, warnings=(found.outcome.reason,))

    def _plan(
        self, obj: Manifest, former: Status, decision: Decision, now: datetime, *, warnings: Collection[str] = ()
    ) -> Plan:
        """The plan that carries out a decision: the one place where a status is made."""
        plan = Plan(
            actions=decision.actions,
            depends_on=decision.depends_on,
            confirm_absent=decision.confirm_absent,
            requeue_after=decision.requeue_after,
            events=decision.events,
            decisions=decision.logged,
        )
        if decision.finding is None:
            return plan
        generation = obj["metadata"].get("generation", 1)
        after = status_of(former, decision.finding, decision.changes, generation=generation, now=now)
        events = transition_events(
            former,
            after,
            action=self.action,
            names=self.event_names,
            warnings=(*self.warnings(after), *warnings),
            quiet=self.quiet,
        )
        events = (*self.first_events(former, after), *events, *self.more_events(former, after), *decision.events)
        return replace(plan, status=after.to_manifest(), events=events)
