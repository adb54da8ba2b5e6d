# SPDX-License-Identifier: Apache-2.0
"""What an object waits for, since when, in words that hold still."""

import re
from datetime import datetime
from typing import Final

from mlops_contract.text import clean
from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import timestamp

_IN_TURNS: Final = frozenset({"ImageUnavailable"})
"""Reasons that the kubelet words in turns (the error, then the back-off)."""

_COUNTING: Final = frozenset({"Forbidden", "PodPending"})
"""Reasons whose words hold numbers that change all the time, e.g. what of a quota is used."""

_NUMBER: Final = re.compile(r"\d+")


def _without_numbers(message: str) -> str:
    return _NUMBER.sub("", clean(message))


def wait_for(former: Waiting | None, now: datetime, reason: str, message: str, *, about: str = "") -> Waiting:
    """What it waits for now, given what it waited for before.

    `since` moves only with the reason. Where the words alternate, or differ only in numbers that are counted on, the
    first ones stay, so that waiting costs no writes.

    Args:
        about: how the message begins, of which every number counts.
    """
    if former is None or former.reason != reason:
        return Waiting(reason=reason, message=clean(message), since=timestamp(now))
    if not former.message.startswith(clean(about)):
        return Waiting(reason=reason, message=clean(message), since=former.since)
    if reason in _IN_TURNS or (reason in _COUNTING and _without_numbers(message) == _without_numbers(former.message)):
        return former
    return Waiting(reason=reason, message=clean(message), since=former.since)
