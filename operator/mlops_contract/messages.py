# SPDX-License-Identifier: Apache-2.0
"""What a container leaves in its termination message instead of a result: why it failed, or the digest of ConfigMaps.

The message is any text, and who reads it takes nothing for granted.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from mlops_contract.text import clean, decode_object

CONNECTION_FAILED_EXIT_CODE: Final = 15
"""Exit code of the data plane that the operator acts on: a host could not be reached through the network."""

_REASON: Final = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]{0,126}[A-Za-z0-9_])?")
"""What `metav1.Condition` takes for a reason."""

_CONFIG_MAPS: Final = "configMaps"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


class Failure(NamedTuple):
    """Why a command of `mlops_workload` failed: a CamelCase word, and a sentence."""

    reason: str
    message: str


def failure_line(reason: str, message: str, **details: Any) -> str:
    """The message of a command that failed, one line of JSON; `details` are further facts."""
    return json.dumps({"reason": reason, "message": message, **details}, ensure_ascii=False)


def as_reason(text: object) -> str:
    """`text` where it can be the reason of a condition, else `""`."""
    return text if isinstance(text, str) and _REASON.fullmatch(text) else ""


def reported_failure(message: object) -> Failure | None:
    """The failure in a termination message; None where the text is something else."""
    document = decode_object(message) or {}
    reason = as_reason(document.get("reason"))
    return Failure(reason, clean(document.get("message"))) if reason else None


def config_maps_message(digest: str) -> str:
    """The message that reports the digest of the mounted ConfigMaps."""
    return json.dumps({_CONFIG_MAPS: digest})


def config_maps_digest(message: object) -> str | None:
    """The digest of ConfigMaps in a termination message; None where it reports none."""
    found = (decode_object(message) or {}).get(_CONFIG_MAPS)
    return found if isinstance(found, str) and _DIGEST.fullmatch(found) else None
