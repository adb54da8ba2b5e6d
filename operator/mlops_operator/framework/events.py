# SPDX-License-Identifier: Apache-2.0
"""Events for transitions: said once, when a status says something that the former one did not.

They follow from comparing two statuses, so a plan that is made again on an unchanged
world has none, and an event is never published for a status that was not written.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import READY, STALLED, Truth, find, is_true
from mlops_operator.runtime.work.plan import Event, EventType

MAX_NOTE: Final = 1024
"""Longest message of an event; events.k8s.io refuses longer notes."""

_SAME_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


def event(*, warning: bool, reason: str, message: str, action: str) -> Event:
    """An event with its message cut to what the API takes.

    Args:
        warning: whether a person should look.
        reason: what happened, one CamelCase word.
        message: what happened, in words.
        action: what the controller was doing, e.g. `Train`, `Verify`, `Promote`.
    """
    kind = EventType.WARNING if warning else EventType.NORMAL
    return Event(type=kind, reason=reason, message=message[:MAX_NOTE] or reason, action=action)


def transition_events(
    before: StatusBase,
    after: StatusBase,
    *,
    action: str,
    names: Mapping[str, str] = _SAME_NAMES,
    warnings: Collection[str] = (),
    quiet: Collection[str] = (),
) -> tuple[Event, ...]:
    """One event where the reason of `Ready` has changed, none otherwise, and none for a wait that can pass.

    Args:
        before: the status as it was observed.
        after: the status that the plan wants.
        action: see `event`.
        names: the event's reason for a condition reason, where they differ (`Running` -> `Started`).
        warnings: reasons of which a person should know beside those that stall the object.
        quiet: reasons that make no event, e.g. of a mere beginning.
    """
    condition = find(after.conditions, READY)
    former = find(before.conditions, READY)
    if condition is None or (former is not None and former.reason == condition.reason):
        return ()
    if condition.reason == reasons.POD_PENDING or condition.reason in quiet:
        return ()
    warning = is_true(after.conditions, STALLED) or condition.reason in warnings
    reason = names.get(condition.reason, condition.reason)
    return (event(warning=warning, reason=reason, message=condition.message, action=action),)


def flip_events(
    before: StatusBase, after: StatusBase, condition_type: str, *, action: str, warning: bool
) -> tuple[Event, ...]:
    """One event where a condition of the kind's own has become `True`, under the condition's reason."""
    condition = find(after.conditions, condition_type)
    if condition is None or condition.status is not Truth.TRUE or is_true(before.conditions, condition_type):
        return ()
    return (event(warning=warning, reason=condition.reason, message=condition.message, action=action),)
