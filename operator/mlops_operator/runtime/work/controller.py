# SPDX-License-Identifier: Apache-2.0
"""The interface between the engine and a kind.

A controller declares what it watches, turns the cache into the input of its pure plan, and returns the plan. It does no
I/O and reads no clock: `now` is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import Resource
from mlops_operator.runtime.cache.watch import Watcher, World
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


@dataclass(frozen=True)
class Rule:
    """One RBAC rule: verbs on a resource or its subresource. The chart is generated from these."""

    resource: Resource
    verbs: tuple[str, ...]
    subresource: str = ""


class Controller(Watcher, Protocol):
    """What the engine needs of one kind.

    Attributes:
        rules: the rights it needs beyond reading its own kind and patching its status.
    """

    rules: Sequence[Rule]

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """Reads from the API server that this object's plan cannot do without; usually none."""
        ...

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The plan for the object: pure, total and deterministic in its arguments."""
        ...

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """The plan after an action was rejected permanently: usually a `Stalled` status and no action."""
        ...
