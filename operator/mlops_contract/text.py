# SPDX-License-Identifier: Apache-2.0
"""Text that a workload, a user or another controller wrote: made safe for a status, or read as JSON.

Nothing that such a text contains may raise anything but the errors stated here: an exception that escapes from a plan
ends that plan every time, so the object would never be finished.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_TEXT: Final = 1024
"""Default of the maximum length of a text that `clean` returns, in characters: a status stays small."""

_SPACES: Final = re.compile(" {2,}")


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """`text` as one line of valid Unicode of at most `limit` characters; `""` for anything but a string.

    Each run of spaces and of characters that cannot be printed becomes one space. The latter are those of
    `str.isprintable`: control characters, line breaks, marks without width or that reverse the direction of text,
    private and unassigned code points, and lone surrogates, which are no valid Unicode and cannot be sent.
    """
    if not isinstance(text, str):
        return ""
    # What is cut off cannot make the rest longer, so only what can be kept is searched.
    kept = text[: 4 * limit]
    if not kept.isprintable():
        kept = "".join(character if character.isprintable() else " " for character in kept)
    return _SPACES.sub(" ", kept).strip()[:limit].rstrip()


def decode_json(text: str, *, finite: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        text: any text.
        finite: whether NaN and infinities are refused; else the reader refuses them where it can name the field.

    Raises:
        ValueError: it is no JSON, nests too deeply, names a key of an object twice, or contains NaN or an infinity; the
            message quotes nothing of the text.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_number if finite else None)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos}") from None


def compact_json(value: Any) -> str:
    """`value` as JSON without spaces, in its own order."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def decode_object(text: object) -> dict[str, Any] | None:
    """The JSON object in a text; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        value = decode_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def whole_number(text: object, default: int, *, digits: int = 9) -> int:
    """The whole number, at least 0, that a label or annotation states in decimal; `default` where it states none."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= digits:
        return int(text)
    return default


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names a key twice")
    return found


def _no_number(_constant: str) -> Any:
    raise ValueError("NaN and infinities are no JSON numbers")
