# SPDX-License-Identifier: Apache-2.0
"""What the API server's refusal of an action means for the object whose plan it was: one table for all kinds.

| answer                          | reason                     | condition     | tried again                  |
| ------------------------------- | -------------------------- | ------------- | ---------------------------- |
| name taken by a foreign object  | `NameTaken`                | `Stalled`     | every minute                 |
| 403: quota, admission, rights   | `Forbidden`                | `Reconciling` | every minute                 |
| too large; 413                  | `TooLarge`                 | `Stalled`     | when the spec is changed     |
| 400, 422: invalid               | the kind's, see `invalid`  | `Stalled`     | when the spec is changed     |
| 415                             | `Refused`                  | `Stalled`     | when the spec is changed     |
| others, e.g. 404, 405           | `Refused`                  | `Reconciling` | every minute                 |
| any, but 403, of a patch, delete | `Refused`                 | `Reconciling` | every minute                 |

Where the spec cannot be changed, what waits for that is the end. A patch or a delete does not follow from the spec.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mlops_operator.api import reasons
from mlops_operator.api.common import StatusBase
from mlops_operator.api.conditions import STALLED, Outcome, Truth, find, stalled, working
from mlops_operator.runtime.work.plan import Apply, Create, Rejection

RETRY: Final = 60.0
"""Seconds until a refused action is tried again: a quota or a right may be given at any time, unseen. So may a name be
free again: the object that has it may be one that is not watched."""

_INVALID: Final = (400, 422)
_FORBIDDEN: Final = 403
_TOO_LARGE: Final = 413
_UNSUPPORTED: Final = 415


@dataclass(frozen=True)
class Refusal:
    """A rejection in the terms of the contract.

    Attributes:
        outcome: stalled where the user has to change something, else working; its message has the server's words.
        retry_after: seconds until the action is tried again; None where it waits for another spec.
        final: whether it is the end, since the spec cannot be changed.
    """

    outcome: Outcome
    retry_after: float | None = None
    final: bool = False


def refusal(
    rejection: Rejection, *, spec_can_change: bool, invalid: str = reasons.INVALID_POD_TEMPLATE, about: str = ""
) -> Refusal:
    """What a rejected action means for its object.

    Args:
        rejection: the API server's answer.
        spec_can_change: whether the part of the spec that the action follows from can be changed.
        invalid: the reason where the manifest is refused as invalid.
        about: how the message begins, before the server's words.
    """
    message = f"{about}{rejection.message}"
    if rejection.reason == reasons.NAME_TAKEN:
        return Refusal(stalled(reasons.NAME_TAKEN, message), RETRY)
    if rejection.code == _FORBIDDEN:
        return Refusal(working(reasons.FORBIDDEN, message), RETRY)
    reason = _reason_by_spec(rejection, invalid)
    if reason is None:
        return Refusal(working(reasons.REFUSED, message), RETRY)
    return Refusal(stalled(reason, message), final=not spec_can_change)


def _reason_by_spec(rejection: Rejection, invalid: str) -> str | None:
    """The reason where another spec is needed; None where the same action may succeed later."""
    if not isinstance(rejection.action, Create | Apply):
        return None
    if rejection.reason == reasons.TOO_LARGE or rejection.code == _TOO_LARGE:
        return reasons.TOO_LARGE
    if rejection.code in _INVALID:
        return invalid
    return reasons.REFUSED if rejection.code == _UNSUPPORTED else None


WAIT_FOR_SPEC: Final = frozenset({reasons.INVALID_POD_TEMPLATE, reasons.TOO_LARGE, reasons.REFUSED})
"""Reasons of `Stalled` after which an action is tried again only when the spec was changed."""


def standing_refusal(
    status: StatusBase, *, generation: int, waiting: Collection[str] = WAIT_FOR_SPEC
) -> Outcome | None:
    """The refusal of this very generation of the spec, which stands until it is changed; None where there is none.

    Args:
        status: the status as it is stored.
        generation: of the spec.
        waiting: reasons that wait for another spec.
    """
    condition = find(status.conditions, STALLED)
    if condition is None or condition.status is not Truth.TRUE or condition.reason not in waiting:
        return None
    return stalled(condition.reason, condition.message) if status.observed_generation == generation else None
