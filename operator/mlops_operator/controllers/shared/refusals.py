"""What an object says when the API server refuses a child of it."""

from dataclasses import dataclass
from typing import Final

from mlops_operator.api.conditions import Outcome, stalled, working
from mlops_operator.runtime.work.plan import Rejection

FORBIDDEN_RETRY: Final = 60.0
"""Seconds until a forbidden child is tried again: a quota or a right may be given at any time, unseen. So may a name
be free again: the object that has it may be one that is not watched."""

INVALID_POD_TEMPLATE: Final = "InvalidPodTemplate"
NAME_TAKEN: Final = "NameTaken"
FORBIDDEN: Final = "Forbidden"

_INVALID_CODES: Final = (400, 422)


@dataclass(frozen=True)
class Refusal:
    """A rejection in the terms of the contract.

    Attributes:
        outcome: stalled where the user has to change something, else working.
        retry_after: seconds until it is tried again, or None.
    """

    outcome: Outcome
    retry_after: float | None = None


def refusal(rejection: Rejection, *, invalid: str = INVALID_POD_TEMPLATE) -> Refusal:
    """What a rejected action means for its object.

    Args:
        rejection: the API server's answer.
        invalid: the reason where the manifest itself is refused.
    """
    if rejection.reason == NAME_TAKEN:
        return Refusal(stalled(NAME_TAKEN, rejection.message), FORBIDDEN_RETRY)
    if rejection.code in _INVALID_CODES:
        return Refusal(stalled(invalid, rejection.message))
    return Refusal(working(FORBIDDEN, rejection.message), FORBIDDEN_RETRY)
