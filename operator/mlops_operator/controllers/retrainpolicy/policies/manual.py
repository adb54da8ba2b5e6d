# SPDX-License-Identifier: Apache-2.0
"""Annotations by which a user acts on a policy: each new value is acted on once."""

import hashlib
from typing import Final

MAX_VALUE: Final = 200
"""Longest value that is recorded as it is; of a longer one the digest is recorded."""


def pending_value(annotation: str | None, *, handled: str) -> str | None:
    """The value to act on, as it is recorded; None where there is no new one."""
    if not annotation:
        return None
    value = annotation if len(annotation) <= MAX_VALUE else "sha256:" + hashlib.sha256(annotation.encode()).hexdigest()
    return None if value == handled else value
