# SPDX-License-Identifier: Apache-2.0
"""Times in documents: RFC 3339 with an offset, such as `2026-01-31T12:00:00Z`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

MOMENT_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
"""As the API server takes a field of the format `date-time`."""

_PARTS: Final = re.compile(r"([0-9-]{10})[Tt]([0-9:]{8})(?:[.]([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def parse_moment(text: str) -> datetime | None:
    """The time that a text states; None where it states none. Beyond microseconds digits are cut off."""
    found = _PARTS.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, offset = found.groups()
    offset = "+00:00" if offset in {"Z", "z"} else offset
    try:
        # `fromisoformat` takes no other form before Python 3.11.
        return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{offset}")
    except ValueError:
        return None


def moment_text(moment: datetime) -> str:
    """The time in the form that `parse_moment` reads."""
    return moment.isoformat().replace("+00:00", "Z")
