# SPDX-License-Identifier: Apache-2.0
"""What follows from the declaration of a kind, shown on a kind that is nothing more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase, Waiting
from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import Manifest
from mlops_operator.api.schema import ObjectName, SpecModel
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.finding import Decision, Finding, Severity
from mlops_operator.framework.rejections import RETRY
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import SERVICES
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Create, Plan, Read, Rejection
from tests.unit.controllers.builders import ToyWorld

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class DoorSpec(SpecModel):
    """Desired state."""

    service: ObjectName


class DoorReason(StrEnum):
    """Reasons."""

    OPEN = "Open"
    CLOSED = "Closed"
    INVALID_SPEC = reasons.INVALID_SPEC


class DoorStatus(StatusBase):
    """Observed state."""

    service: str | None = None
    waiting: Waiting | None = None


DOOR = Kind(
    kind="Door",
    plural="doors",
    short_names=("dr",),
    spec=DoorSpec,
    status=DoorStatus,
    reasons=DoorReason,
    description="A Service.",
)


@dataclass(frozen=True)
class Observed:
    """A Door and its Service."""

    spec: DoorSpec
    service: Sequence[Manifest]


class DoorController(KindController[DoorStatus, Observed]):
    """Makes a Service."""

    kind = DOOR
    status = DoorStatus
    action = "Open"
    rules: Sequence[Rule] = (Rule(SERVICES, ("get", "list", "watch", "create")),)

    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
        """The Service."""
        return Observed(parse_spec(DoorSpec, obj), world.owned(SERVICES, obj["metadata"]["uid"]))

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """Open where the Service exists."""
        name = observed.spec.service
        if observed.service:
            finding = Finding(phase="Open", reason=DoorReason.OPEN, message="it is open", severity=Severity.READY)
            return Decision(finding=finding, changes={"service": name})
        create = Create(resource=SERVICES, manifest=SERVICES.manifest(name=name, namespace="ns"))
        closed = Finding(phase="Pending", reason=DoorReason.CLOSED, message="it opens", waits=True)
        return Decision(finding=closed, actions=(create,))


def door(status: Manifest | None = None, **spec: Any) -> Manifest:
    metadata = {"name": "a", "namespace": "ns", "uid": "u", "generation": 7}
    return {"kind": "Door", "metadata": metadata, "spec": spec or {"service": "s"}, "status": status or {}}


def planned(obj: Manifest) -> Plan:
    return DoorController(None).plan(obj, ToyWorld(), {}, NOW)


def ready(plan: Plan) -> Manifest:
    assert plan.status is not None
    (found,) = (entry for entry in plan.status["conditions"] if entry["type"] == "Ready")
    return dict(found)


def test_the_resource_follows_from_the_kind() -> None:
    assert str(DoorController.resource) == "doors.mlops-operator.io"


def test_a_finding_becomes_phase_conditions_generation_and_what_is_waited_for() -> None:
    plan = planned(door())
    assert plan.status is not None
    assert (plan.status["phase"], plan.status["observedGeneration"]) == ("Pending", 7)
    assert {entry["type"]: entry["status"] for entry in plan.status["conditions"]} == {
        "Reconciling": "True",
        "Stalled": "False",
        "Ready": "False",
    }
    assert plan.status["waiting"] == {"reason": "Closed", "message": "it opens", "since": "2026-01-01T00:00:00Z"}


def test_an_event_follows_from_the_difference_of_the_statuses() -> None:
    first = planned(door())
    assert [(event.reason, event.action) for event in first.events] == [("Closed", "Open")]
    assert planned(door(first.status)).events == ()


def test_a_spec_that_does_not_fit_is_reported_by_field_and_creates_nothing() -> None:
    plan = planned(door(service="s", nonsense=1))
    assert ready(plan)["reason"] == "InvalidSpec"
    assert ready(plan)["message"].startswith("spec.nonsense: ")
    assert (plan.actions, plan.requeue_after) == ((), None)


@pytest.mark.parametrize(
    ("code", "reason", "told", "retry"),
    [(403, "Forbidden", "Forbidden", RETRY), (422, "Invalid", "InvalidPodTemplate", None)],
)
def test_a_rejection_follows_the_table(code: int, reason: str, told: str, retry: float | None) -> None:
    create = Create(resource=SERVICES, manifest=SERVICES.manifest(name="s", namespace="ns"))
    rejection = Rejection(action=create, code=code, reason=reason, message="no")
    plan = DoorController(None).rejected(door({"service": "old"}), rejection, NOW)
    assert (ready(plan)["reason"], ready(plan)["message"], plan.requeue_after) == (told, "no", retry)
    assert plan.status is not None
    assert plan.status["service"] == "old"
