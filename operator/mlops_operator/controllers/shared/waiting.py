"""What an object waits for, since when, in words that hold still."""

from datetime import datetime
from typing import Final

from mlops_contract.text import clean
from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import timestamp

_IN_TURNS: Final = frozenset({"ImageUnavailable"})
"""Reasons that the kubelet words in turns (the error, then the back-off)."""


def wait_for(former: Waiting | None, now: datetime, reason: str, message: str) -> Waiting:
    """What it waits for now, given what it waited for before.

    `since` moves only with the reason. Where the words alternate the first ones stay, so that
    waiting costs no writes.
    """
    if former is None or former.reason != reason:
        return Waiting(reason=reason, message=clean(message), since=timestamp(now))
    if reason in _IN_TURNS:
        return former
    return Waiting(reason=reason, message=clean(message), since=former.since)
