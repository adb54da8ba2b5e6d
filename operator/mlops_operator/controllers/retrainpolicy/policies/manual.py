"""A person's trigger: the annotation has a value that was not acted on yet."""

import hashlib
from typing import Final

MAX_VALUE: Final = 200
"""Longest value that is remembered as it is; of a longer one the digest is."""


def pending_value(annotation: str | None, *, handled: str) -> str | None:
    """The value to act on, as it is remembered; None where there is nothing new."""
    if not annotation:
        return None
    value = annotation if len(annotation) <= MAX_VALUE else "sha256:" + hashlib.sha256(annotation.encode()).hexdigest()
    return None if value == handled else value
