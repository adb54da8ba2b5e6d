# SPDX-License-Identifier: Apache-2.0
"""The hold-out: which rows a gate measures on and a training must not see, decided by a hash of the row's identity.

A row is held out if the first 8 bytes of SHA-256 over `<key>\\0<identity>`, read as a big-endian
integer and divided by 2**64, are below the share. `key` is the UID of the Model. Training and
evaluation come to the same decision without a list of rows and at any time, and a row that is
held out with a share is held out with every larger share.

The identity of a row is its `group` where it has one, otherwise its `id`. Rows that are not
independent (those of one user or one image) must have one group, so that all of them are on the same side.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mlops_contract.requests import run

IDENTITY_COLUMNS: Final = ("group", "id")
"""Columns that identify a row; the first that a row has decides."""

_BITS: Final = 64
_NUMBER: Final = re.compile(r"[+-]?(\d+|\d+\.\d*|\.\d+)([eE][+-]?\d{1,3})?")
_LONGEST_NUMBER: Final = 40
"""Longer texts are not converted: no identity is a number of that many digits."""


@dataclass(frozen=True)
class Holdout(run.Holdout):
    """Which rows are held out: the share `share` of all identities, chosen by `key`."""

    def holds(self, identity: Any) -> bool:
        """Whether the row with that identity is held out; a row without an identity never is."""
        place = self.position(identity)
        return place is not None and self.includes(place)

    def includes(self, position: int) -> bool:
        """Whether an identity at that position is held out."""
        return position < self.share * 2.0**_BITS

    def position(self, identity: Any) -> int | None:
        """Where the identity lies between 0 and 2**64, evenly distributed; None for a row without an identity."""
        text = identity_text(identity)
        if text is None:
            return None
        # Text that is not valid Unicode (a lone surrogate) has a hash like any other.
        content = f"{self.key}\0{text}".encode(errors="surrogatepass")
        return int.from_bytes(hashlib.sha256(content).digest()[: _BITS // 8], "big")


def identity_of(row: Mapping[str, Any]) -> Any:
    """The identity of a row with these columns; None if it has none."""
    return next((row[name] for name in IDENTITY_COLUMNS if identity_text(row.get(name)) is not None), None)


def identity_text(value: Any) -> str | None:
    """The text of an identity; None if it is missing (null, NaN, an empty text) or no scalar.

    One identity has one text in all files: `7`, `7.0`, `"7"`, `" 7"` and `"007"` are equal, since CSV files
    and tables with gaps change the type of a number. That different identities may get one text does no
    harm: they are held out together.
    """
    if not isinstance(value, (str, bytes, int, float)) and hasattr(value, "item"):
        value = value.item()  # a scalar of numpy, which not every command loads
    if isinstance(value, bytes):
        value = value.decode(errors="surrogateescape")
    if isinstance(value, str):
        text = value.strip()
        return _number_text(text) or text or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return _float_text(value) if isinstance(value, float) else None


def _number_text(text: str) -> str | None:
    """The text of the number that `text` is; None if it is none."""
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    try:
        return str(int(text))
    except ValueError:
        return _float_text(float(text))


def _float_text(number: float) -> str | None:
    if math.isnan(number):
        return None
    return str(int(number)) if number.is_integer() else repr(float(number))
