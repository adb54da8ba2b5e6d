# SPDX-License-Identifier: Apache-2.0
"""Controllers with one deliberate bug each, to show that the walk would find it."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Controller, Rule
from mlops_operator.runtime.work.plan import Action, Apply, Create, Delete, Patch, Plan, Read, Rejection

Change = Callable[[Manifest, Plan], Plan]


class Mutant:
    """A controller whose plans are changed before they are handed on.

    Args:
        real: the controller.
        change: what is done to each plan, given the object it is for.
        watches: what it watches instead, where that is the bug.
    """

    def __init__(self, real: Controller, change: Change, *, watches: Sequence[Watch] | None = None) -> None:
        self._real = real
        self._change = change
        self.resource = real.resource
        self.watches: Sequence[Watch] = real.watches if watches is None else watches
        self.indexes: Sequence[Index] = real.indexes
        self.rules: Sequence[Rule] = real.rules

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        return self._real.reads(obj, world, now)

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        return self._change(obj, self._real.plan(obj, world, reads, now))

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        return self._real.rejected(obj, rejection, now)


def actions(change: Callable[[Action], Action]) -> Change:
    """Every action is changed."""
    return lambda _obj, plan: replace(plan, actions=tuple(change(action) for action in plan.actions))


def status(change: Callable[[Manifest, Manifest], Manifest]) -> Change:
    """Every status is changed, given the object and the status that was planned."""

    def changed(obj: Manifest, plan: Plan) -> Plan:
        return plan if plan.status is None else replace(plan, status=change(obj, plan.status))

    return changed


def unchanged(_obj: Manifest, plan: Plan) -> Plan:
    """The plan as it is."""
    return plan


_numbers = itertools.count()


def _metadata(action: Action, **fields: Any) -> Action:
    if not isinstance(action, Create | Apply):
        return action
    return replace(action, manifest={**action.manifest, "metadata": {**action.manifest["metadata"], **fields}})


def random_name(action: Action) -> Action:
    """A child gets another name each time."""
    return _metadata(action, name=f"child-{next(_numbers)}")


def name_after_version(obj: Manifest, plan: Plan) -> Plan:
    """A child is named after its parent's version, so a plan made again makes another child."""
    name = f"child-{obj['metadata']['resourceVersion']}"
    return replace(plan, actions=tuple(_metadata(action, name=name) for action in plan.actions))


def no_owner(action: Action) -> Action:
    """A child belongs to nobody."""
    return _metadata(action, ownerReferences=[])


def no_uid(action: Action) -> Action:
    """A patch or deletion hits whatever has the name."""
    return replace(action, uid="", resource_version="") if isinstance(action, Patch | Delete) else action


def without(field: str) -> Change:
    """A status forgets a field."""
    return status(lambda _obj, planned: {name: value for name, value in planned.items() if name != field})


def reopened(obj: Manifest, plan: Plan) -> Plan:
    """What has ended is begun anew."""
    former = obj.get("status") or {}
    if former.get("phase") in ("Succeeded", "Failed"):
        return replace(plan, status={**former, "phase": "Running"})
    return plan


def generation_back(obj: Manifest, plan: Plan) -> Plan:
    """observedGeneration is a former one, once there is one."""
    seen = (obj.get("status") or {}).get("observedGeneration", -1)
    return plan if plan.status is None or seen < 1 else replace(plan, status={**plan.status, "observedGeneration": 0})


class HastyRollout(Mutant):
    """The version that serves is taken away as soon as another begins."""

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        plan = super().plan(obj, world, reads, now)
        status = obj.get("status") or {}
        if not {"candidate", "stable"} <= status.keys():
            return plan
        serving = [
            Delete.of(DEPLOYMENTS, child)
            for child in world.owned(DEPLOYMENTS, obj["metadata"]["uid"])
            if child["metadata"]["name"] == status["stable"]["deployment"]
        ]
        return replace(plan, actions=(*serving, *plan.actions))
